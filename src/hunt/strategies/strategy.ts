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

/** Steps that a strategy directs; behind them CPUs go on in turn, so that a starved CPU is never taken for a livelock. */
const FAIR_AFTER = 5_000;

/** The strategy's choice, or after very many steps a fair one. */
export function chooseFairly(strategy: Strategy, stepper: Stepper): number {
  if (stepper.steps < FAIR_AFTER) return strategy.choose(stepper);
  return stepper.choices[stepper.steps % stepper.choices.length];
}
