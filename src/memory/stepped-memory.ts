/** The stepper's flavour: plain words of the same layout, tracked, hashed and checked against the one-access rule. */
import type { Layout } from './layout.ts';
import type { Memory, Word } from './memory.ts';
import { CheckedImage, type MemoryChecks } from './one-access.ts';

export { type MemoryChecks, OneAccessError } from './one-access.ts';

export class SteppedMemory extends CheckedImage implements Memory {
  /**
   * @param pairs the words that are page-table entries when their frame is a table: `[from, to)`. The two halves of an
   *   entry are one word to the check, because a PTE access is one 64-bit step here.
   */
  constructor(
    layout: Layout<unknown>,
    pairs: { from: number; to: number },
    checks: MemoryChecks = { access: true, hash: true },
  ) {
    super(layout, pairs, checks);
  }

  load(word: Word): number {
    this.check(word, false);
    return this.words[word];
  }
  store(word: Word, value: number): void {
    this.checkStore(word, value);
    this.set(word, value);
  }
  exchange(word: Word, value: number): number {
    this.check(word, true);
    const former = this.words[word];
    this.set(word, value);
    return former;
  }
  cas(word: Word, expected: number, value: number): number {
    this.check(word, true);
    const former = this.words[word];
    if (former === (expected | 0)) this.set(word, value);
    return former;
  }
  add(word: Word, delta: number): number {
    this.check(word, true);
    const former = this.words[word];
    this.set(word, former + delta);
    return former;
  }
  or(word: Word, bits: number): number {
    this.check(word, true);
    const former = this.words[word];
    this.set(word, former | bits);
    return former;
  }
  and(word: Word, bits: number): number {
    this.check(word, true);
    const former = this.words[word];
    this.set(word, former & bits);
    return former;
  }
  put(word: Word, value: number): void {
    this.checkPut(word);
    this.set(word, value);
  }
  storePair(word: Word, low: number, high: number): void {
    const upper = (word + 1) as Word;
    this.checkStore(upper, high);
    this.checkStore(word, low);
    this.set(upper, high);
    this.set(word, low);
  }
  fence(): void {}
}
