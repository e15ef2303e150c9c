/** Estimates how many events of a kind each thread has left in this run, from the largest counts of earlier runs. */
import type { Choice } from '../../engine/choice.ts';
import type { Random } from '../random.ts';
import { threadOf } from './strategy.ts';

export class EventsLeft {
  /** Per thread: the largest number in a run so far, and the number in this one. */
  private readonly most: number[] = [];
  private readonly now: number[] = [];

  constructor(private readonly random: Random) {}

  begin(threads: number): void {
    for (let t = 0; t < threads; t++) {
      this.most[t] = Math.max(this.most[t] ?? 0, this.now[t] ?? 0);
      this.now[t] = 0;
    }
  }

  happened(thread: number): void {
    this.now[thread]++;
  }

  /** All events of the kind in the longest runs. */
  total(): number {
    return this.most.reduce((sum, n) => sum + n, 0);
  }
  /** Threads that have had any. */
  threads(): number {
    return this.most.reduce((sum, n) => sum + (n > 0 ? 1 : 0), 0);
  }

  /**
   * One of the choices, each thread with probability proportional to what it has left. A thread has at least `least` left,
   * whatever earlier runs say; undefined if nobody has any.
   */
  draw(choices: readonly Choice[], least: 0 | 1): Choice | undefined {
    let sum = 0;
    for (const c of choices) sum += this.of(threadOf(c), least);
    if (sum === 0) return undefined;
    let at = this.random.below(sum);
    return choices.find((c) => {
      at -= this.of(threadOf(c), least);
      return at < 0;
    });
  }

  private of(thread: number, least: number): number {
    return Math.max(least, this.most[thread] - this.now[thread]);
  }
}
