/**
 * The stepper's flavour with store buffers, total store order as on x86 (Owens, Sarkar, Sewell, TPHOLs 2009; SDM 3A 8.2.3):
 * a store to a contended word waits in a first-in first-out buffer of its CPU until it drains; the CPU's own loads see it
 * before that, nobody else does. A locked operation and a fence drain the buffer first. When a store drains is a choice of
 * the scheduler, an event of its own that touches one word, and the store itself touches none that others can see.
 *
 * Not buffered: private words, words under a lock that this CPU holds, and write-once words. Nobody can read them until a
 * later store (an unlock, a publication) has drained, and buffers drain in order.
 */
import type { Layout } from './layout.ts';
import { NOWHERE, type Word } from './memory.ts';
import { type MemoryChecks, SteppedMemory } from './stepped-memory.ts';
import { type Columns, table } from './table.ts';

/** Sequentially consistent, or behind store buffers. */
export type MemoryModel = 'sc' | 'tso';

export interface BufferSizes {
  readonly cpus: number;
  readonly storeBuffer: number;
}

const mine = { private: 'cpu' } as const;
const entries = { owner: mine, width: (sizes: BufferSizes) => sizes.storeBuffer };

/** The store buffer of each CPU, the oldest entry first; the words of places that are free are 0. */
export const STORE_BUFFER = table<number, BufferSizes>()('storeBuffer', (sizes) => sizes.cpus, {
  length: mine,
  /** The word stored to, times two; plus 1 if the store is one of 64 bits. */
  word: entries,
  low: entries,
  high: entries,
});

const NONE = -1;

export class TsoMemory extends SteppedMemory {
  readonly buffered = true;
  /** Hears of a page-table entry in the step in which it changes, before it does. */
  pairChanges: ((cpu: number, word: Word, low: number, high: number) => void) | undefined = undefined;

  private readonly buffer: Columns<number, typeof STORE_BUFFER.fields>;
  private walking = false;

  /** The layout holds `STORE_BUFFER`. The one-access rule is always checked: it tells which words are contended. */
  constructor(layout: Layout<unknown>, pairs: { from: number; to: number }, checks?: Omit<MemoryChecks, 'access'>) {
    super(layout, pairs, { hash: true, ...checks, access: true });
    this.buffer = (layout as unknown as Layout<BufferSizes>).columns(STORE_BUFFER, this);
  }

  override load(word: Word): number {
    const own = this.walking ? NONE : this.youngest(this.cpu, word);
    if (own === NONE) return super.load(word);
    const value = this.halfOf(this.cpu, own, word);
    this.check(word, false, value);
    return value;
  }
  override store(word: Word, value: number): void {
    this.checkStore(word, value);
    if (this.waits(word)) this.push(word * 2, value, 0);
    else this.set(word, value);
  }
  override storePair(word: Word, low: number, high: number): void {
    this.checkStore((word + 1) as Word, high);
    this.checkStore(word, low);
    if (this.waits(word)) this.push(word * 2 + 1, low, high);
    else this.setPair(this.cpu, word, low, high);
  }
  override fence(): void {
    if (this.walking || this.observing) return;
    while (this.pending(this.cpu) > 0) this.drain(this.cpu);
  }
  walks(on: boolean): void {
    this.walking = on;
  }

  /** Stores of `cpu` that nobody else can see yet. */
  pending(cpu: number): number {
    return this.words[this.buffer.length.at(cpu)];
  }
  /** The word that the next drain of `cpu` touches, or NOWHERE. */
  drainWord(cpu: number): Word {
    return this.pending(cpu) === 0 ? NOWHERE : this.wordAt(cpu, 0);
  }
  /** A step of its own, of `cpu` while it runs `task`: its oldest store becomes visible. Nothing happens if there is none. */
  drainStep(cpu: number, task: number): void {
    this.beginStep(cpu, task, NOWHERE);
    this.touched = this.drainWord(cpu);
    this.touchedWrite = this.touched !== NOWHERE;
    if (this.touchedWrite) this.drain(cpu);
  }
  /** What a load of `cpu` would give: engines ask, no path learns from it. */
  seenBy(cpu: number, word: Word): number {
    const own = this.youngest(cpu, word);
    return own === NONE ? this.words[word] : this.halfOf(cpu, own, word);
  }

  /** A read-modify-write of a contended word is locked. */
  protected override check(word: Word, write: boolean, seen?: number): void {
    if (write && this.youngest(this.cpu, word) !== NONE) this.fence();
    super.check(word, write, seen);
    if (write && this.touched === word) this.fence();
  }

  /** Must the store that was just checked go through the buffer? So must one that follows another to the same word there. */
  private waits(word: Word): boolean {
    return !this.observing && (this.touched === word || this.youngest(this.cpu, word) !== NONE);
  }

  private push(entry: number, low: number, high: number): void {
    const { buffer, cpu } = this;
    // a full buffer holds the store up
    if (this.pending(cpu) === buffer.word.width) this.drain(cpu);
    const at = this.pending(cpu);
    this.set(buffer.word.at(cpu, at), entry);
    this.set(buffer.low.at(cpu, at), low);
    this.set(buffer.high.at(cpu, at), high);
    this.set(buffer.length.at(cpu), at + 1);
  }

  private drain(cpu: number): void {
    const { buffer, words } = this;
    const word = this.wordAt(cpu, 0);
    const low = words[buffer.low.at(cpu, 0)];
    if ((words[buffer.word.at(cpu, 0)] & 1) === 1) this.setPair(cpu, word, low, words[buffer.high.at(cpu, 0)]);
    else this.set(word, low);
    this.record?.notes(word, true, 0, NONE);
    const left = this.pending(cpu) - 1;
    for (const column of [buffer.word, buffer.low, buffer.high]) {
      for (let i = 0; i < left; i++) this.set(column.at(cpu, i), words[column.at(cpu, i + 1)]);
      this.set(column.at(cpu, left), 0);
    }
    this.set(buffer.length.at(cpu), left);
  }

  private setPair(cpu: number, word: Word, low: number, high: number): void {
    const upper = (word + 1) as Word;
    this.pairChanges?.(cpu, word, low, high);
    this.record?.notes(upper, true, 0, NONE);
    this.set(upper, high);
    this.set(word, low);
  }

  private wordAt(cpu: number, at: number): Word {
    return (this.words[this.buffer.word.at(cpu, at)] >> 1) as Word;
  }

  /** The newest entry of `cpu` that covers the word, or NONE. */
  private youngest(cpu: number, word: Word): number {
    for (let at = this.pending(cpu) - 1; at >= 0; at--) {
      const entry = this.words[this.buffer.word.at(cpu, at)];
      if (entry >> 1 === word || ((entry & 1) === 1 && (entry >> 1) + 1 === word)) return at;
    }
    return NONE;
  }
  private halfOf(cpu: number, at: number, word: Word): number {
    const { buffer, words } = this;
    return words[(this.wordAt(cpu, at) === word ? buffer.low : buffer.high).at(cpu, at)];
  }
}
