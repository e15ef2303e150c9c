/** What a hunt has done so far, counted as it goes. */
import type { Stepper } from '../engine/stepper.ts';
import type { Harm } from '../oracle/oracle.ts';
import { byCount, type HuntSums, type StrategyUse } from './hunt-sums.ts';
import { SMALL_SCOPE } from './portfolio.ts';
import type { Strategy } from './strategies/strategy.ts';

export class HuntTally {
  schedules = 0;
  steps = 0;
  programs = 0;
  private readonly uses = new Map<string, StrategyUse>();
  private readonly windows = new Map<string, { path: string; count: number; longestSteps: number }>();

  sums(): HuntSums {
    const { schedules, steps, programs } = this;
    const windows = byCount(this.windows.values());
    return { schedules, steps, programs, strategies: [...this.uses.values()], windows };
  }

  /** A schedule of the strategy of that name, and what it convicted of. */
  ran(name: string, steps: number, newPairs: number, convicted: Harm | undefined): StrategyUse {
    this.schedules++;
    this.steps += steps;
    const use = this.uses.get(name) ?? { name, schedules: 0, steps: 0, newPairs: 0, found: [] };
    this.uses.set(name, use);
    use.schedules++;
    use.steps += steps;
    use.newPairs += newPairs;
    if (convicted) use.found.push(convicted);
    return use;
  }

  /** The same, with the figures of the strategy. */
  ranBy(strategy: Strategy, steps: number, newPairs: number, convicted: Harm | undefined): void {
    const use = this.ran(strategy.name, steps, newPairs, convicted);
    const { k, n, ...others } = (strategy.figures?.() ?? {}) as Partial<StrategyUse>;
    if (k !== undefined) use.k = Math.max(use.k ?? 0, k);
    if (n !== undefined) use.n = Math.max(use.n ?? 0, n);
    Object.assign(use, others);
  }

  /** @param closed every state of it was visited */
  searched(closed: boolean): void {
    const use = this.uses.get(SMALL_SCOPE);
    if (!use) return;
    use.scopes = (use.scopes ?? 0) + 1;
    use.closed = (use.closed ?? 0) + (closed ? 1 : 0);
  }

  gatherWindows(stepper: Stepper): void {
    for (const w of stepper.machine.oracle?.windows() ?? []) {
      const sum = this.windows.get(w.path) ?? { path: w.path, count: 0, longestSteps: 0 };
      sum.count += w.count;
      sum.longestSteps = Math.max(sum.longestSteps, w.longestSteps);
      this.windows.set(w.path, sum);
    }
  }
}
