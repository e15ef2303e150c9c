/**
 * Replay with a free tail: each run follows a recorded schedule for a while, a random part of it, and goes on at random
 * (Shuttle, PR 354, names the wish). What the recording asks for and the run does not have ends the prefix early.
 */
import type { Choice } from '../../engine/choice.ts';
import { ADVERSARY, choiceCpu, choiceKind } from '../../engine/choice.ts';
import type { Random } from '../random.ts';
import type { Run, Strategy } from './strategy.ts';

export class Replay implements Strategy {
  readonly name = 'replay';
  private until = 0;

  constructor(
    private readonly random: Random,
    private readonly recorded: readonly number[],
    private readonly tail: Strategy,
  ) {}

  begin(run: Run): boolean {
    this.until = this.random.below(this.recorded.length + 1);
    return this.tail.begin(run);
  }

  choose(run: Run): number {
    if (run.steps < this.until) {
      const c = this.recorded[run.steps] as Choice;
      const acts = choiceKind(c) >= ADVERSARY && choiceCpu(c) < run.cpus;
      if (acts || run.choices.includes(c)) return c;
      this.until = 0;
    }
    return this.tail.choose(run);
  }
}
