/**
 * The one image of the machine: shared words, per-CPU private words and oracle words in a single Int32Array. Reset, hash,
 * snapshot and replay are therefore one mechanism, and nothing that outlives an operation lives anywhere else.
 */

/** The address of one 32-bit word in the image. */
export type Word = number & { readonly brand: 'Word' };

/** "No word": announced by steps that touch nothing another CPU may touch. */
export const NOWHERE = -1 as Word;

/**
 * The verbs of every access to the image. Each is one atomic, sequentially consistent event (in `threads` because of
 * `Atomics`, in the stepper because steps do not overlap). `put` is the exception: a plain store, only for words that
 * no other CPU ever touches (`{ private: 'cpu' }`); such words are read straight from `words`.
 */
export interface Memory {
  readonly words: Int32Array;
  load(word: Word): number;
  store(word: Word, value: number): void;
  /** Stores `value`; returns the former value. */
  exchange(word: Word, value: number): number;
  /** Stores `value` if the word holds `expected`; returns what it held. */
  cas(word: Word, expected: number, value: number): number;
  /** Adds; returns the former value. */
  add(word: Word, delta: number): number;
  /** Sets bits; returns the former value. */
  or(word: Word, bits: number): number;
  /** Keeps only `bits`; returns the former value. */
  and(word: Word, bits: number): number;
  /** Plain store to a private word. */
  put(word: Word, value: number): void;
  /** Says that the running context now holds the lock at `lock`, so that the words it guards are free to touch. */
  acquired(lock: Word, exclusive: boolean): void;
  /** Says that the running context gives the lock up; called before the word is released. */
  released(lock: Word): void;
}

/** The truly shared flavour: one SharedArrayBuffer, every protocol access through `Atomics`. */
export class SharedMemory implements Memory {
  constructor(readonly words: Int32Array) {}

  load(word: Word): number {
    return Atomics.load(this.words, word);
  }
  store(word: Word, value: number): void {
    Atomics.store(this.words, word, value);
  }
  exchange(word: Word, value: number): number {
    return Atomics.exchange(this.words, word, value);
  }
  cas(word: Word, expected: number, value: number): number {
    return Atomics.compareExchange(this.words, word, expected, value);
  }
  add(word: Word, delta: number): number {
    return Atomics.add(this.words, word, delta);
  }
  or(word: Word, bits: number): number {
    return Atomics.or(this.words, word, bits);
  }
  and(word: Word, bits: number): number {
    return Atomics.and(this.words, word, bits);
  }
  put(word: Word, value: number): void {
    this.words[word] = value;
  }
  acquired(): void {}
  released(): void {}
}
