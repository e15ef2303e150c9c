/**
 * POS: partial order sampling (Yuan, Yang, Gu, CAV 2018). Each pending event holds a random priority, and the highest one
 * happens. Then the next event of that thread draws a priority, and so does every pending event that races with the one
 * just run: same word, one of the two writes.
 */
import type { Choice } from '../../engine/choice.ts';
import { NOWHERE, type Word } from '../../memory/memory.ts';
import type { Random } from '../random.ts';
import { RandomAdversary } from './adversary.ts';
import { type AdversaryBudget, type Run, type Strategy, threadOf, threadsOf } from './strategy.ts';

/** The event has no priority yet. */
const NONE = -1;

export class Pos implements Strategy {
  readonly name = 'pos';
  private readonly adversary: RandomAdversary;
  private readonly priority: number[] = [];
  private last: Choice | undefined = undefined;
  private lastWord: Word = NOWHERE;

  constructor(
    private readonly random: Random,
    budget: AdversaryBudget,
  ) {
    this.adversary = new RandomAdversary(random, budget);
  }

  begin(run: Run): boolean {
    this.adversary.begin();
    for (let t = 0; t < threadsOf(run); t++) this.priority[t] = NONE;
    this.last = undefined;
    return true;
  }

  choose(run: Run): number {
    this.forgetRacing(run);
    this.last = undefined;
    const act = this.adversary.act(run);
    if (act >= 0) return act;
    const { priority } = this;
    const { choices } = run;
    let best = choices[0];
    for (const c of choices) {
      const t = threadOf(c);
      if (priority[t] === NONE) priority[t] = this.random.bits();
      if (priority[t] > priority[threadOf(best)]) best = c;
    }
    this.last = best;
    this.lastWord = run.announced(best);
    return best;
  }

  /** The event that happened, and those that race with it, have no priority any more. */
  private forgetRacing(run: Run): void {
    const { last, lastWord, priority } = this;
    if (last === undefined) return;
    priority[threadOf(last)] = NONE;
    if (lastWord === NOWHERE) return;
    const wrote = run.lastWrote();
    for (const c of run.choices) {
      if (run.announced(c) === lastWord && (wrote || run.mayWrite(c))) priority[threadOf(c)] = NONE;
    }
  }
}
