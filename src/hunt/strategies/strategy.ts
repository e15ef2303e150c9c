/** How a hunt picks schedules: start an execution or stop, choose the next event, learn how it ended. */
import type { Stepper } from '../../engine/stepper.ts';

export interface Strategy {
  readonly name: string;
  /** Starts an execution; false when every schedule the strategy wants has been run. */
  begin(stepper: Stepper): boolean;
  /** One of `stepper.choices`, or an action of the adversary. Called at every step, also when there is one choice only. */
  choose(stepper: Stepper): number;
  /** The execution ended after this many steps. */
  end?(stepper: Stepper): void;
}

/** Actions that hardware may take on its own, per execution. */
export interface AdversaryBudget {
  /** Evictions, speculative walks, over-invalidations. */
  readonly actions: number;
  readonly ticks: number;
}
