/** Iterative PCT: the depth of the bug is unknown, so that runs go through depths 2 to 6 in turn (as Lockstep does). */
import type { Random } from '../random.ts';
import { Pct } from './pct.ts';
import type { AdversaryBudget, Run, Strategy } from './strategy.ts';

const DEPTHS = [2, 3, 4, 5, 6];

export class IterativePct implements Strategy {
  readonly name = 'pct-iterative';
  private readonly byDepth: readonly Pct[];
  private runs = 0;

  constructor(random: Random, budget: AdversaryBudget) {
    this.byDepth = DEPTHS.map((depth) => new Pct(random, depth, budget));
  }

  begin(run: Run): boolean {
    this.runs++;
    return this.current().begin(run, this.figures().k);
  }
  choose(run: Run): number {
    return this.current().choose(run);
  }
  figures(): { k: number } {
    return { k: Math.max(...this.byDepth.map((pct) => pct.figures().k)) };
  }

  private current(): Pct {
    return this.byDepth[this.runs % DEPTHS.length];
  }
}
