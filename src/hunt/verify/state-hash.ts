/** The hash of a whole state of a machine: what the words of its image mean, and what the paths of its tasks know. */
import type { Stepper } from '../../engine/stepper.ts';
import type { StateKey } from '../../engine/task-stack.ts';
import type { Word } from '../../memory/memory.ts';
import { HIGH, LOW, mixed } from '../../memory/step-record.ts';
import { highShare, lowShare } from '../../memory/tracked-image.ts';

/** Two different states are taken for one with a chance of about states^2 / 2^(bits + 1). */
export const HASH_BITS = 64;

export class StateHash implements StateKey {
  low = 0;
  high = 0;
  private words: Int32Array = new Int32Array(0);
  /** The word counts as holding `as`. */
  private readonly counts = (word: Word, as: number): void => {
    const value = this.words[word];
    if (value === as) return;
    this.low ^= lowShare(word, value) ^ lowShare(word, as);
    this.high ^= highShare(word, value) ^ highShare(word, as);
  };

  /** Of the state in which the stepper is; it must keep a record. */
  take(stepper: Stepper): this {
    const { machine } = stepper;
    this.words = machine.mem.words;
    this.low = machine.mem.hashLow();
    this.high = machine.mem.hashHigh();
    machine.meaning(this.counts);
    stepper.addTo(this);
    return this;
  }

  add(...values: readonly number[]): void {
    for (const value of values) {
      this.low = mixed(this.low, value, LOW);
      this.high = mixed(this.high, value, HIGH);
    }
  }
}
