/**
 * PCT(d): probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010). Each CPU's path and each CPU's interrupt
 * delivery is a thread with a random priority; the highest enabled one runs; at d-1 random steps the thread about to run
 * drops below all others. A bug of depth d is hit with probability at least 1/(n k^(d-1)) per run. k is the largest
 * number of steps with a choice seen so far; only such steps count.
 */
import { type Choice, choiceCpu, choiceKind, DELIVER } from '../../engine/choice.ts';
import type { Stepper } from '../../engine/stepper.ts';
import type { Random } from '../random.ts';
import { RandomAdversary } from './adversary.ts';
import type { AdversaryBudget, Strategy } from './strategy.ts';

export class Pct implements Strategy {
  readonly name: string;
  /** Largest number of steps with more than one choice in a run so far. */
  k = 1;
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

  begin(stepper: Stepper): boolean {
    this.adversary.begin();
    this.k = Math.max(this.k, this.step);
    this.step = 0;
    const threads = stepper.machine.geometry.cpus * 2;
    for (let t = 0; t < threads; t++) this.priority[t] = this.depth + t;
    for (let t = threads - 1; t > 0; t--) {
      const other = this.random.below(t + 1);
      const kept = this.priority[t];
      this.priority[t] = this.priority[other];
      this.priority[other] = kept;
    }
    for (let i = 0; i < this.depth - 1; i++) this.changeAt[i] = 1 + this.random.below(this.k);
    return true;
  }

  choose(stepper: Stepper): number {
    const act = this.adversary.act(stepper);
    if (act >= 0) return act;
    const { choices } = stepper;
    if (choices.length === 1) return choices[0];
    this.step++;
    let best = this.highest(choices);
    for (let i = 0; i < this.depth - 1; i++) {
      if (this.changeAt[i] !== this.step) continue;
      // the i-th change gives priority i + 1, below the initial ones, which start at the depth
      this.priority[threadOf(best)] = i + 1;
      best = this.highest(choices);
    }
    return best;
  }

  private highest(choices: readonly Choice[]): Choice {
    let best = choices[0];
    for (const c of choices) if (this.priority[threadOf(c)] > this.priority[threadOf(best)]) best = c;
    return best;
  }
}

function threadOf(c: Choice): number {
  return choiceCpu(c) * 2 + (choiceKind(c) === DELIVER ? 1 : 0);
}
