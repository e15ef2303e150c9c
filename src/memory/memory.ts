/**
 * The one image of the machine: shared words, per-CPU private words and oracle words in a single Int32Array. Reset, hash,
 * snapshot and replay are therefore one mechanism, and nothing that outlives an operation lives anywhere else.
 */
import type { StepRecord } from './step-record.ts';

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
  /** One store of 64 bits: a page-table entry, its low half at `word`. */
  storePair(word: Word, low: number, high: number): void;
  /** Full barrier of the running CPU: every store before it is visible when it returns (Linux: smp_mb(); x86: MFENCE). */
  fence(): void;
  /** Says that the running context now holds the lock at `lock`, so that the words it guards are free to touch. */
  acquired(lock: Word, exclusive: boolean): void;
  /** Says that the running context gives the lock up; called before the word is released. */
  released(lock: Word): void;
  /** Stores become visible later: whoever must hear of a pair when it changes hears of it from the memory. */
  readonly buffered?: boolean;
  /** Between `true` and `false` the page walker reads and marks memory itself, past the stores that wait in its CPU's buffer. */
  walks?(on: boolean): void;
  /** Kept by a stepped memory when asked for. */
  readonly record?: StepRecord;
  /** A word is read without an event, by `peek` or `own`; said only while a record is kept. */
  looks?(word: Word): void;
}

/** What the engine of truly parallel CPUs adds to their shared memory. */
export interface SharedSide {
  /** The word `sleepersAt` of `words` is above 0 while a CPU sleeps until a word of the image changes. */
  readonly words: Int32Array;
  readonly sleepersAt: number;
  /** `word` was just written while somebody sleeps. */
  changed(word: Word): void;
  /** The running path just took a lock. */
  acquired(): void;
}

/** For a shared memory on whose words nobody ever sleeps. */
const NOBODY_SLEEPS: SharedSide = { words: new Int32Array(1), sleepersAt: 0, changed() {}, acquired() {} };

/**
 * The truly shared flavour: one SharedArrayBuffer, every protocol access through `Atomics`. A write looks whether anybody
 * sleeps; that look is plain, so a CPU that falls asleep at this very moment may be missed: sleepers wake by themselves
 * after a while.
 */
export class SharedMemory implements Memory {
  private readonly sideWords: Int32Array;
  private readonly sleepersAt: number;

  constructor(
    readonly words: Int32Array,
    private readonly side: SharedSide = NOBODY_SLEEPS,
  ) {
    this.sideWords = side.words;
    this.sleepersAt = side.sleepersAt;
  }

  load(word: Word): number {
    return Atomics.load(this.words, word);
  }
  store(word: Word, value: number): void {
    Atomics.store(this.words, word, value);
    if (this.sideWords[this.sleepersAt] !== 0) this.side.changed(word);
  }
  exchange(word: Word, value: number): number {
    const former = Atomics.exchange(this.words, word, value);
    if (this.sideWords[this.sleepersAt] !== 0) this.side.changed(word);
    return former;
  }
  cas(word: Word, expected: number, value: number): number {
    const former = Atomics.compareExchange(this.words, word, expected, value);
    if (this.sideWords[this.sleepersAt] !== 0) this.side.changed(word);
    return former;
  }
  add(word: Word, delta: number): number {
    const former = Atomics.add(this.words, word, delta);
    if (this.sideWords[this.sleepersAt] !== 0) this.side.changed(word);
    return former;
  }
  or(word: Word, bits: number): number {
    const former = Atomics.or(this.words, word, bits);
    if (this.sideWords[this.sleepersAt] !== 0) this.side.changed(word);
    return former;
  }
  and(word: Word, bits: number): number {
    const former = Atomics.and(this.words, word, bits);
    if (this.sideWords[this.sleepersAt] !== 0) this.side.changed(word);
    return former;
  }
  put(word: Word, value: number): void {
    this.words[word] = value;
  }
  /** High, then low: readers look at the low half first and last. */
  storePair(word: Word, low: number, high: number): void {
    this.store((word + 1) as Word, high);
    this.store(word, low);
  }
  /** Every access is sequentially consistent. */
  fence(): void {}
  acquired(): void {
    this.side.acquired();
  }
  released(): void {}
}
