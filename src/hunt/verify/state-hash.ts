/** The hash of a whole state of a machine: its image, and what the paths of its tasks know. */
import type { Stepper } from '../../engine/stepper.ts';
import type { StateKey } from '../../engine/task-stack.ts';
import { HIGH, LOW, mixed } from '../../memory/step-record.ts';

/** Two different states are taken for one with a chance of about states^2 / 2^(bits + 1). */
export const HASH_BITS = 64;

export class StateHash implements StateKey {
  low = 0;
  high = 0;

  /** Of the state in which the stepper is; it must keep a record. */
  take(stepper: Stepper): this {
    const { mem } = stepper.machine;
    this.low = mem.hashLow();
    this.high = mem.hashHigh();
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
