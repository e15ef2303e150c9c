/** Stores and allocations that nobody makes, together: those tried in the runs of one program, or behind one run. */
import type { Choice } from '../../engine/choice.ts';
import type { MachinePlan } from '../../engine/machine-plan.ts';
import type { Stepper } from '../../engine/stepper.ts';
import { UNMADE } from '../hunt-sums.ts';
import type { MachineRun } from '../machine-run.ts';
import { UnmadeAllocations } from './allocations.ts';
import { type MadeUp, named, type Watching } from './run.ts';
import { type StoresTried, UnmadeStores } from './stores.ts';

/** How many of each are tried at most. */
export interface Tried {
  readonly stores: StoresTried;
  readonly allocations: number;
}

export class StoresAndAllocations implements Watching {
  private readonly allocations: UnmadeAllocations;
  private readonly stores: UnmadeStores;

  constructor(plan: MachinePlan, stepper: Stepper, run: MachineRun, most: Tried) {
    this.allocations = new UnmadeAllocations(plan, stepper, run, most.allocations);
    this.stores = new UnmadeStores(plan, stepper, run, most.stores);
  }

  /** A run begins. */
  begin(): void {
    this.allocations.begin();
    this.stores.begin();
  }

  step(at: number, next: Choice): void {
    this.allocations.step(at, next);
    this.stores.step(at, next);
  }

  end(at: number): void {
    this.allocations.end(at);
    this.stores.end(at);
  }

  /** Runs like the one that is over. @param recorded its schedule */
  *made(recorded: readonly number[]): Generator<MadeUp> {
    yield* named(UNMADE.allocations, this.allocations.made(recorded));
    yield* named(UNMADE.stores, this.stores.made(recorded));
  }
}
