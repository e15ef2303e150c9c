/** What hunts that follow each other have done together. */
import { byCount, type HuntSums, type StrategyUse } from '../hunt/hunt-sums.ts';

export const NO_SUMS: HuntSums = { schedules: 0, steps: 0, programs: 0, strategies: [], windows: [] };

export function added(a: HuntSums, b: HuntSums): HuntSums {
  return {
    schedules: a.schedules + b.schedules,
    steps: a.steps + b.steps,
    programs: a.programs + b.programs,
    strategies: merged([...a.strategies, ...b.strategies], (s) => s.name, joined),
    windows: byCount(
      merged(
        [...a.windows, ...b.windows],
        (w) => w.path,
        (x, y) => ({ ...x, count: x.count + y.count, longestSteps: Math.max(x.longestSteps, y.longestSteps) }),
      ),
    ),
  };
}

function joined(a: StrategyUse, b: StrategyUse): StrategyUse {
  return {
    ...a,
    ...b,
    schedules: a.schedules + b.schedules,
    steps: a.steps + b.steps,
    newPairs: a.newPairs + b.newPairs,
    found: [...a.found, ...b.found],
    k: larger(a.k, b.k),
    n: larger(a.n, b.n),
    scopes: sum(a.scopes, b.scopes),
    closed: sum(a.closed, b.closed),
  };
}

function merged<T>(all: readonly T[], key: (one: T) => string, join: (a: T, b: T) => T): T[] {
  const byKey = new Map<string, T>();
  for (const one of all) {
    const known = byKey.get(key(one));
    byKey.set(key(one), known === undefined ? one : join(known, one));
  }
  return [...byKey.values()];
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined && b === undefined ? undefined : (a ?? 0) + (b ?? 0);
}
function larger(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.max(a, b);
}
