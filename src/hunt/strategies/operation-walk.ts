/** A random walk on the coarse grain: it changes the CPU only between operations, so that a schedule is an order of whole operations. */
import type { Random } from '../random.ts';
import { RandomAdversary } from './adversary.ts';
import { OperationGrain } from './operation-grain.ts';
import type { AdversaryBudget, Run, Strategy } from './strategy.ts';

export class OperationWalk implements Strategy {
  readonly name = 'operations';
  private readonly adversary: RandomAdversary;
  private readonly grain: OperationGrain;

  constructor(random: Random, budget: AdversaryBudget) {
    this.adversary = new RandomAdversary(random, budget);
    this.grain = new OperationGrain(random);
  }

  begin(): boolean {
    this.adversary.begin();
    this.grain.begin();
    return true;
  }

  choose(run: Run): number {
    const within = this.grain.within(run, run.choices);
    if (within >= 0) return within;
    const act = this.adversary.act(run);
    return act >= 0 ? act : this.grain.start(run, run.choices);
  }
}
