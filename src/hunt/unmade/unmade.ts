/** What nobody does in a run, and what would have come of it: operations, stores and allocations, tried when the run is over. */
import type { Choice } from '../../engine/choice.ts';
import type { MachinePlan } from '../../engine/machine-plan.ts';
import type { Stepper } from '../../engine/stepper.ts';
import type { Rival } from '../generate/encounter.ts';
import type { MachineRun } from '../machine-run.ts';
import type { Patched } from './moments.ts';
import { UnmadeOperations } from './operations.ts';
import type { MadeUp } from './run.ts';
import { StoresAndAllocations } from './stores-and-allocations.ts';

/** Tried in one program at most: more where patches have made a difference. */
const MOST = {
  directed: { stores: { any: 4, beside: 3, late: 4 }, allocations: 3 },
  other: { stores: { any: 1, beside: 1, late: 2 }, allocations: 2 },
} as const;

/** That of the runs of one program. */
export class Unmade {
  private readonly operations: UnmadeOperations | undefined;
  private readonly others: StoresAndAllocations;

  /** @param patched of a directed hunt @param rivals what could meet the first operation of the program, if anything is to */
  constructor(
    plan: MachinePlan,
    stepper: Stepper,
    run: MachineRun,
    private readonly patched: Patched | undefined,
    rivals: (() => Iterable<Rival>) | undefined,
  ) {
    this.operations = patched && rivals && new UnmadeOperations(plan, stepper, run, patched, rivals);
    this.others = new StoresAndAllocations(plan, stepper, run, MOST[patched ? 'directed' : 'other']);
  }

  /** A run begins. */
  begin(): void {
    this.operations?.begin();
    this.others.begin();
  }

  /** The run, so many steps long, is about to take that step. */
  step(at: number, next: Choice): void {
    this.operations?.step(at, next);
    this.others.step(at, next);
  }

  /** Runs like the one that is over. @param recorded its schedule */
  *made(recorded: readonly number[]): Generator<MadeUp> {
    const hasParted = this.patched?.hasParted ?? true;
    // they look at how the run has ended, before the machine makes another one
    if (hasParted) this.others.end(recorded.length);
    if (this.operations) yield* this.operations.made(recorded);
    if (hasParted) yield* this.others.made(recorded);
  }
}
