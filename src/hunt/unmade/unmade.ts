/** What nobody does in a run, and what would have come of it: stores and allocations, tried when the run is over. */
import type { Choice } from '../../engine/choice.ts';
import type { MachinePlan } from '../../engine/machine-plan.ts';
import type { Stepper } from '../../engine/stepper.ts';
import { UNMADE } from '../hunt-sums.ts';
import type { MachineRun } from '../machine-run.ts';
import { UnmadeAllocations } from './allocations.ts';
import type { FinishedRun } from './run.ts';
import { UnmadeStores } from './stores.ts';

/** Tried in one program at most: more where patches have made a difference. */
const MOST = {
  directed: { stores: { any: 2, beside: 2, late: 4 }, allocations: 3 },
  other: { stores: { any: 1, beside: 1, late: 2 }, allocations: 2 },
} as const;

export interface MadeUp extends FinishedRun {
  /** As figures and findings name it. */
  readonly name: string;
}

/** That of the runs of one program. */
export class Unmade {
  private readonly stores: UnmadeStores;
  private readonly allocations: UnmadeAllocations;

  constructor(plan: MachinePlan, stepper: Stepper, run: MachineRun, most: keyof typeof MOST) {
    this.stores = new UnmadeStores(plan, stepper, run, MOST[most].stores);
    this.allocations = new UnmadeAllocations(plan, stepper, run, MOST[most].allocations);
  }

  /** A run begins. */
  begin(): void {
    this.stores.begin();
    this.allocations.begin();
  }

  /** The run, so many steps long, is about to take that step. */
  step(at: number, next: Choice): void {
    this.stores.step(at, next);
    this.allocations.step(at, next);
  }

  /** Runs like the one that is over. @param recorded its schedule */
  *made(recorded: readonly number[]): Generator<MadeUp> {
    for (const kind of ['allocations', 'stores'] as const) {
      this[kind].end(recorded.length);
      for (const run of this[kind].made(recorded)) yield { ...run, name: UNMADE[kind] };
    }
  }
}
