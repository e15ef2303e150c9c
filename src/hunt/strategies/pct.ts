/**
 * PCT(d): probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010). Each CPU's path and each CPU's interrupt
 * delivery is a thread with a random priority; the highest enabled one runs; at d-1 random steps, all different, the thread
 * about to run drops below all others. A bug of depth d is hit with probability at least 1/(n k^(d-1)) per run. k is the
 * largest number of steps seen so far; as in the paper every step counts, also one without a choice.
 */
import type { Choice } from '../../engine/choice.ts';
import type { Random } from '../random.ts';
import { RandomAdversary } from './adversary.ts';
import { type AdversaryBudget, type Run, type Strategy, threadOf, threadsOf } from './strategy.ts';

export class Pct implements Strategy {
  readonly name: string;
  /** Largest number of steps in a run so far. */
  private k = 1;
  private readonly adversary: RandomAdversary;
  private readonly priority: number[] = [];
  private readonly changeAt: number[] = [];
  private step = 0;

  constructor(
    private readonly random: Random,
    readonly depth: number,
    budget: AdversaryBudget,
  ) {
    this.name = `pct-${depth}`;
    this.adversary = new RandomAdversary(random, budget);
  }

  /** @param k steps that runs are known to have; what this strategy has seen itself if left out. */
  begin(run: Run, k = 1): boolean {
    const { random, changeAt, priority } = this;
    this.adversary.begin();
    this.k = Math.max(this.k, this.step, k);
    this.step = 0;
    const threads = threadsOf(run);
    priority.length = threads;
    for (let t = 0; t < threads; t++) priority[t] = this.depth + t;
    for (let t = threads - 1; t > 0; t--) {
      const other = random.below(t + 1);
      const kept = priority[t];
      priority[t] = priority[other];
      priority[other] = kept;
    }
    changeAt.length = 0;
    while (changeAt.length < Math.min(this.depth - 1, this.k)) {
      const at = 1 + random.below(this.k);
      if (!changeAt.includes(at)) changeAt.push(at);
    }
    return true;
  }

  choose(run: Run): number {
    const act = this.adversary.act(run);
    if (act >= 0) return act;
    const { choices } = run;
    this.step++;
    const best = this.highest(choices);
    const change = this.changeAt.indexOf(this.step);
    if (change < 0) return best;
    // the i-th change gives priority i, below the initial ones, which start at the depth
    this.priority[threadOf(best)] = change + 1;
    return this.highest(choices);
  }

  figures(): { k: number; n: number } {
    return { k: Math.max(this.k, this.step), n: this.priority.length };
  }

  private highest(choices: readonly Choice[]): Choice {
    let best = choices[0];
    for (const c of choices) if (this.priority[threadOf(c)] > this.priority[threadOf(best)]) best = c;
    return best;
  }
}
