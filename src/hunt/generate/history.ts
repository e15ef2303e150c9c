/** How long the history of a generated program is. */
import type { Draw } from './draw.ts';
import type { Traits } from './traits.ts';

/** Operations of a history at most. */
export const MOST_HISTORY = 40;

/** None, a few, or many operations before the concurrent part. */
export function drawHistoryLength(draw: Draw, traits: Traits): number {
  const length = draw.weighted({
    none: 1,
    short: 10 * traits.history,
    middle: 6 * traits.history,
    long: 3 * traits.history,
  });
  return {
    none: 0,
    short: draw.between(1, 8),
    middle: draw.between(9, 20),
    long: draw.between(21, MOST_HISTORY),
  }[length ?? 'none'];
}
