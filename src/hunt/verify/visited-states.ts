/**
 * The states that a search has visited: 64-bit hashes, with open addressing over plain words, so that tens of millions of them
 * fit. With each goes which events of the state slept at every visit so far.
 */

/** Events of a state that can sleep: the first so many of its choices, a bit for each. */
export const SLEEPERS = 30;
/** In place of the set of sleepers: the state was not visited before. */
export const FIRST_VISIT = -1;

const FIRST_SIZE = 1 << 12;
/** Words of a state: the two halves of its hash, and the sleepers. */
const WORDS = 3;
/** Hash 0 marks a free place, so that a state with this hash is kept as 1. */
const FREE = 0;

export class VisitedStates {
  size = 0;
  private slots: Int32Array = new Int32Array(FIRST_SIZE * WORDS);
  /** States that are new, or whose sleepers have changed, since the last `takeNew`. */
  private fresh: Int32Array = new Int32Array(FIRST_SIZE * WORDS);
  private freshWords = 0;

  /** @param sleeping events that sleep at this visit. Returns those that slept at every visit before, or FIRST_VISIT. */
  visit(low: number, high: number, sleeping: number): number {
    const key = low === FREE && high === FREE ? 1 : low;
    const at = this.placeOf(key, high);
    if (this.isFree(at)) {
      this.put(at, key, high, sleeping);
      this.note(at);
      this.growIfFull();
      return FIRST_VISIT;
    }
    const slept = this.slots[at + 2];
    if ((slept & sleeping) !== slept) {
      this.slots[at + 2] = slept & sleeping;
      this.note(at);
    }
    return slept;
  }

  /** Events that slept at every visit so far, or FIRST_VISIT. */
  sleptAt(low: number, high: number): number {
    const at = this.placeOf(low === FREE && high === FREE ? 1 : low, high);
    return this.isFree(at) ? FIRST_VISIT : this.slots[at + 2];
  }

  /** What is new or has changed since the last call. */
  takeNew(): Int32Array {
    const taken = this.fresh.slice(0, this.freshWords);
    this.freshWords = 0;
    return taken;
  }

  /** Adds what `takeNew` gave, in the order in which it gave it. */
  restore(states: Int32Array): void {
    for (let i = 0; i < states.length; i += WORDS) {
      const [low, high, slept] = states.subarray(i, i + WORDS);
      const at = this.placeOf(low, high);
      if (this.isFree(at)) this.put(at, low, high, slept);
      else this.slots[at + 2] = slept;
      this.growIfFull();
    }
  }

  private isFree(at: number): boolean {
    return this.slots[at] === FREE && this.slots[at + 1] === FREE;
  }

  /** Where the state is, or a free place for it. */
  private placeOf(low: number, high: number): number {
    const { slots } = this;
    const mask = slots.length / WORDS - 1;
    for (let i = (low ^ (high << 1)) & mask; ; i = (i + 1) & mask) {
      const at = i * WORDS;
      if ((slots[at] === low && slots[at + 1] === high) || this.isFree(at)) return at;
    }
  }

  private put(at: number, low: number, high: number, slept: number): void {
    const { slots } = this;
    slots[at] = low;
    slots[at + 1] = high;
    slots[at + 2] = slept;
    this.size++;
  }

  private note(at: number): void {
    if (this.freshWords === this.fresh.length) this.fresh = grown(this.fresh);
    this.fresh.set(this.slots.subarray(at, at + WORDS), this.freshWords);
    this.freshWords += WORDS;
  }

  private growIfFull(): void {
    const old = this.slots;
    if (this.size * WORDS * 3 < old.length * 2) return;
    this.slots = new Int32Array(old.length * 2);
    this.size = 0;
    for (let i = 0; i < old.length; i += WORDS) {
      if (old[i] === FREE && old[i + 1] === FREE) continue;
      this.put(this.placeOf(old[i], old[i + 1]), old[i], old[i + 1], old[i + 2]);
    }
  }
}

function grown(words: Int32Array): Int32Array {
  const longer = new Int32Array(words.length * 2);
  longer.set(words);
  return longer;
}
