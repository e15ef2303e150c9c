/** An image that remembers what was written: a dirty list for resets and snapshots, and an incremental hash. */
import type { Word } from './memory.ts';
import { UndoLog } from './undo-log.ts';

/** A state to return to: the words that differ from the base image. */
export interface Snapshot {
  readonly at: Int32Array;
  readonly values: Int32Array;
}

/** A moment of a run to which its image can go back. */
export interface Moment {
  readonly written: number;
  readonly low: number;
  readonly high: number;
}

export class TrackedImage {
  readonly words: Int32Array;
  /** What was written since the last reset, if somebody asked for it. */
  readonly log: UndoLog | undefined;
  /** While what was done before is done again: the image is to become what it was, and nothing is noted. */
  again = false;
  private readonly base: Int32Array;
  private readonly dirty: Int32Array;
  private readonly dirtyStamp: Int32Array;
  private dirtyCount = 0;
  private epoch = 1;
  private readonly unhashed: Int32Array;
  private readonly hashStamp: Int32Array;
  private readonly hashedValue: Int32Array;
  private unhashedCount = 0;
  private hashEpoch = 1;
  private low = 0;
  private high = 0;
  private writtenBefore = 0;
  /** 1 for words that the hash passes over, where there are any. */
  protected leftOut: Uint8Array | undefined;

  /** @param hashed without it the hash stays that of the base image. @param logged for `moment` and `goBack`. */
  constructor(
    size: number,
    private readonly hashed: boolean,
    logged = false,
  ) {
    this.log = logged ? new UndoLog() : undefined;
    this.words = new Int32Array(size);
    this.base = new Int32Array(size);
    this.dirty = new Int32Array(size);
    this.dirtyStamp = new Int32Array(size);
    const hashSize = hashed ? size : 0;
    this.unhashed = new Int32Array(hashSize);
    this.hashStamp = new Int32Array(hashSize);
    this.hashedValue = new Int32Array(hashSize);
  }

  /** Makes the present state, however it came about, the one that `reset` returns to. */
  rebase(): void {
    const { base, words } = this;
    // word by word: pages of a large image that nobody wrote stay without memory of their own
    for (let word = 0; word < words.length; word++) if (base[word] !== words[word]) base[word] = words[word];
    this.dirtyCount = 0;
    this.epoch++;
    this.forgetHash();
  }

  /** Back to the base image, in time proportional to what was written since. */
  reset(): void {
    const { words, base, dirty } = this;
    for (let i = 0; i < this.dirtyCount; i++) words[dirty[i]] = base[dirty[i]];
    this.dirtyCount = 0;
    this.epoch++;
    this.forgetHash();
    if (this.log) this.log.length = 0;
  }

  /** The present one; only where hash and log are kept. */
  moment(): Moment {
    this.bringHashUpToDate();
    return { written: this.log?.length ?? 0, low: this.low, high: this.high };
  }
  /** Back to a moment since the last reset, in time proportional to what was written since. */
  goBack({ written, low, high }: Moment): void {
    const { log } = this;
    if (log === undefined) throw new RangeError('an image without a log cannot go back');
    log.undo(this.words, written);
    log.length = written;
    this.forgetHash();
    this.low = low;
    this.high = high;
  }

  snapshot(): Snapshot {
    const at = this.dirty.slice(0, this.dirtyCount);
    return { at, values: at.map((word) => this.words[word]) };
  }
  restore(snapshot: Snapshot): void {
    this.reset();
    for (let i = 0; i < snapshot.at.length; i++) this.set(snapshot.at[i] as Word, snapshot.values[i]);
  }

  /** Hash of the difference from the base image, 64 bits as 16 hexadecimal digits. */
  hash(): string {
    this.bringHashUpToDate();
    return (this.high >>> 0).toString(16).padStart(8, '0') + (this.low >>> 0).toString(16).padStart(8, '0');
  }
  /** The two halves of the hash, for stores of visited states. */
  hashLow(): number {
    this.bringHashUpToDate();
    return this.low;
  }
  hashHigh(): number {
    this.bringHashUpToDate();
    return this.high;
  }

  /** Remembers the present state until `takeBack`; only where the hash is kept. */
  remember(): void {
    this.bringHashUpToDate();
    this.writtenBefore = this.log?.length ?? 0;
  }
  /** Back to what `remember` remembered, if nobody has asked for the hash since. */
  takeBack(): void {
    if (this.log) this.log.length = this.writtenBefore;
    for (let i = 0; i < this.unhashedCount; i++) this.words[this.unhashed[i]] = this.hashedValue[this.unhashed[i]];
    this.unhashedCount = 0;
    this.hashEpoch++;
  }

  protected set(word: Word, value: number): void {
    if (this.again) {
      this.words[word] = value;
      return;
    }
    this.log?.note(word, this.words[word], value);
    if (this.dirtyStamp[word] !== this.epoch) {
      this.dirtyStamp[word] = this.epoch;
      this.dirty[this.dirtyCount++] = word;
    }
    if (this.hashed && this.hashStamp[word] !== this.hashEpoch) {
      this.hashStamp[word] = this.hashEpoch;
      this.hashedValue[word] = this.words[word];
      this.unhashed[this.unhashedCount++] = word;
    }
    this.words[word] = value;
  }

  private forgetHash(): void {
    this.unhashedCount = 0;
    this.hashEpoch++;
    this.low = 0;
    this.high = 0;
  }

  private bringHashUpToDate(): void {
    for (let i = 0; i < this.unhashedCount; i++) {
      const word = this.unhashed[i];
      const before = this.hashedValue[word];
      const after = this.words[word];
      if (before === after || this.leftOut?.[word] === 1) continue;
      this.low ^= lowShare(word, before) ^ lowShare(word, after);
      this.high ^= highShare(word, before) ^ highShare(word, after);
    }
    this.unhashedCount = 0;
    this.hashEpoch++;
  }
}

/** The share that a word with this value has in the two halves of the hash; shares are joined by exclusive or. */
export function lowShare(word: number, value: number): number {
  return mix(word, value, 0x85ebca6b);
}
export function highShare(word: number, value: number): number {
  return mix(word, value, 0xc2b2ae35);
}

/** One word's share of the hash: a 32-bit finaliser over (address, value), one multiplier per half. */
function mix(word: number, value: number, multiplier: number): number {
  let x = Math.imul(word ^ 0x9e3779b9, multiplier) ^ value;
  x = Math.imul(x ^ (x >>> 16), multiplier);
  x = Math.imul(x ^ (x >>> 13), 0x27d4eb2f);
  return x ^ (x >>> 16);
}
