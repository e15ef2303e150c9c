/** A set of 64-bit hashes, with open addressing over plain words: tens of millions of them fit. */

const FIRST_SIZE = 1 << 12;
/** Hash 0 marks a free place, so that a state with this hash is kept as 1. */
const FREE = 0;

export class VisitedStates {
  size = 0;
  private slots = new Int32Array(FIRST_SIZE * 2);
  /** Those added since the last `takeNew`, half by half. */
  private fresh: number[] = [];

  /** False if it was there already. */
  add(low: number, high: number): boolean {
    const key = low === FREE && high === FREE ? 1 : low;
    if (!this.place(key, high)) return false;
    this.fresh.push(key, high);
    if (this.size * 4 > this.slots.length) this.grow();
    return true;
  }

  /** What was added since the last call, as pairs of words. */
  takeNew(): Int32Array {
    const taken = Int32Array.from(this.fresh);
    this.fresh = [];
    return taken;
  }

  /** Adds what `takeNew` gave. */
  restore(pairs: Int32Array): void {
    for (let i = 0; i < pairs.length; i += 2) this.add(pairs[i], pairs[i + 1]);
    this.fresh = [];
  }

  private place(low: number, high: number): boolean {
    const { slots } = this;
    const mask = slots.length / 2 - 1;
    for (let i = (low ^ (high << 1)) & mask; ; i = (i + 1) & mask) {
      if (slots[i * 2] === low && slots[i * 2 + 1] === high) return false;
      if (slots[i * 2] !== FREE || slots[i * 2 + 1] !== FREE) continue;
      slots[i * 2] = low;
      slots[i * 2 + 1] = high;
      this.size++;
      return true;
    }
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Int32Array(old.length * 2);
    this.size = 0;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] !== FREE || old[i + 1] !== FREE) this.place(old[i], old[i + 1]);
    }
  }
}
