/** What nobody does in a run, and what would have come of it: operations, stores and allocations, tried when the run is over. */
import type { Choice } from '../../engine/choice.ts';
import type { MachinePlan } from '../../engine/machine-plan.ts';
import type { Stepper } from '../../engine/stepper.ts';
import type { Rival } from '../generate/encounter.ts';
import { UNMADE } from '../hunt-sums.ts';
import type { MachineRun } from '../machine-run.ts';
import { UnmadeAllocations } from './allocations.ts';
import { type Patched, UnmadeOperations } from './operations.ts';
import type { FinishedRun } from './run.ts';
import { UnmadeStores } from './stores.ts';

/** Tried in one program at most: more where patches have made a difference. */
const MOST = {
  directed: { stores: { any: 4, beside: 3, late: 4 }, allocations: 3 },
  other: { stores: { any: 1, beside: 1, late: 2 }, allocations: 2 },
} as const;

export interface MadeUp extends FinishedRun {
  /** As figures and findings name it. */
  readonly name: string;
}

/** That of the runs of one program. */
export class Unmade {
  private readonly operations: UnmadeOperations | undefined;
  private readonly allocations: UnmadeAllocations;
  private readonly stores: UnmadeStores;

  /** @param patched of a directed hunt @param rivals what could meet the first operation of the program, if anything is to */
  constructor(
    plan: MachinePlan,
    stepper: Stepper,
    run: MachineRun,
    private readonly patched: Patched | undefined,
    rivals: (() => Iterable<Rival>) | undefined,
  ) {
    const most = MOST[patched ? 'directed' : 'other'];
    this.operations = patched && rivals && new UnmadeOperations(plan, stepper, run, patched, rivals);
    this.allocations = new UnmadeAllocations(plan, stepper, run, most.allocations);
    this.stores = new UnmadeStores(plan, stepper, run, most.stores);
  }

  /** A run begins. */
  begin(): void {
    this.operations?.begin();
    this.allocations.begin();
    this.stores.begin();
  }

  /** The run, so many steps long, is about to take that step. */
  step(at: number, next: Choice): void {
    this.operations?.step(at, next);
    this.allocations.step(at, next);
    this.stores.step(at, next);
  }

  /** Runs like the one that is over. @param recorded its schedule */
  *made(recorded: readonly number[]): Generator<MadeUp> {
    const { operations, allocations, stores, patched } = this;
    const hasParted = patched?.hasParted ?? true;
    // both look at how the run has ended, before the machine makes another one
    if (hasParted) for (const some of [allocations, stores]) some.end(recorded.length);
    yield* named(UNMADE.operations, operations?.made(recorded) ?? []);
    if (!hasParted) return;
    yield* named(UNMADE.allocations, allocations.made(recorded));
    yield* named(UNMADE.stores, stores.made(recorded));
  }
}

function* named(name: string, runs: Iterable<FinishedRun>): Generator<MadeUp> {
  for (const run of runs) yield { ...run, name };
}
