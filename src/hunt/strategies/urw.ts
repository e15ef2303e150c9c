/**
 * URW: uniform random walk (Zhao et al., ASPLOS 2025). A thread is picked with probability proportional to the events that
 * it has left, so that every interleaving is equally likely if those counts are right. They are the largest seen so far;
 * the first run has none and is a random walk.
 */
import type { Choice } from '../../engine/choice.ts';
import type { Random } from '../random.ts';
import { RandomAdversary } from './adversary.ts';
import { EventsLeft } from './events-left.ts';
import { type AdversaryBudget, type Run, type Strategy, threadOf, threadsOf } from './strategy.ts';

export class Urw implements Strategy {
  readonly name = 'urw';
  private readonly adversary: RandomAdversary;
  private readonly left: EventsLeft;

  constructor(random: Random, budget: AdversaryBudget) {
    this.adversary = new RandomAdversary(random, budget);
    this.left = new EventsLeft(random);
  }

  begin(run: Run): boolean {
    this.adversary.begin();
    this.left.begin(threadsOf(run));
    return true;
  }

  choose(run: Run): number {
    const act = this.adversary.act(run);
    if (act >= 0) return act;
    const picked = this.left.draw(run.choices, 1) as Choice;
    this.left.happened(threadOf(picked));
    return picked;
  }
}
