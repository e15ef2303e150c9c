/**
 * Random walk: at each step one of the enabled events, all equally likely. Sticky: stays with the running CPU with probability
 * 1 - 2^-bits.
 */
import { choiceCpu } from '../../engine/choice.ts';
import type { Random } from '../random.ts';
import { RandomAdversary } from './adversary.ts';
import type { AdversaryBudget, Run, Strategy } from './strategy.ts';

export class RandomWalk implements Strategy {
  readonly name: string;
  private readonly adversary: RandomAdversary;
  private current = -1;

  constructor(
    private readonly random: Random,
    budget: AdversaryBudget,
    private readonly stickyBits = 0,
  ) {
    this.name = stickyBits > 0 ? 'sticky' : 'random';
    this.adversary = new RandomAdversary(random, budget);
  }

  begin(): boolean {
    this.adversary.begin();
    this.current = -1;
    return true;
  }

  choose(run: Run): number {
    const act = this.adversary.act(run);
    if (act >= 0) return act;
    const { choices } = run;
    if (choices.length === 1) return choices[0];
    if (this.stickyBits > 0 && this.random.bits() >>> (32 - this.stickyBits) !== 0) {
      for (const c of choices) if (choiceCpu(c) === this.current) return c;
    }
    const picked = choices[this.random.below(choices.length)];
    this.current = choiceCpu(picked);
    return picked;
  }
}
