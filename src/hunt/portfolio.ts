/** The strategies by name, and the fixed mix that a hunt uses when none is asked for. */

import type { Random } from './random.ts';
import { Exhaustive } from './strategies/exhaustive.ts';
import { Pct } from './strategies/pct.ts';
import { RandomWalk } from './strategies/random-walk.ts';
import type { AdversaryBudget, Strategy } from './strategies/strategy.ts';

export const STRATEGY_NAMES = ['random', 'sticky', 'pct-1', 'pct-2', 'pct-3', 'exhaustive'] as const;
export type StrategyName = (typeof STRATEGY_NAMES)[number];

/** What `hunt` runs in turn by default; `exhaustive` is for single small scenarios and has to be asked for. */
export const DEFAULT_MIX: readonly StrategyName[] = ['random', 'pct-2', 'sticky', 'pct-3'];

export function strategyNamed(name: StrategyName, random: Random, budget: AdversaryBudget): Strategy {
  switch (name) {
    case 'random':
      return new RandomWalk(random, budget);
    case 'sticky':
      return new RandomWalk(random, budget, 3);
    case 'pct-1':
    case 'pct-2':
    case 'pct-3':
      return new Pct(random, Number(name.slice(4)), budget);
    case 'exhaustive':
      return new Exhaustive();
  }
}
