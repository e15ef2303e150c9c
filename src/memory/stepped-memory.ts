/**
 * The stepper's flavour: plain words of the same layout, with the mechanical one-access check, a dirty list for reset, an
 * incremental hash, and the log of the one contended access of the step.
 */
import type { Guard, GuardLock, Layout } from './layout.ts';
import { OWNED_CPU, OWNED_GUARDED, OWNED_ONCE, OWNED_ORACLE, OWNED_TASK, OWNED_WRITER } from './layout.ts';
import type { Memory, Word } from './memory.ts';
import { NOWHERE } from './memory.ts';

/** A path broke the one-access rule. `rule` is what it did, `word` the field it did it to. */
export class OneAccessError extends Error {
  constructor(
    readonly rule: string,
    readonly word: Word,
    readonly field: string,
  ) {
    super(`${rule}: ${field}`);
    this.name = 'OneAccessError';
  }
}

/** A state to return to: the words that differ from the base image. */
export interface Snapshot {
  readonly at: Int32Array;
  readonly values: Int32Array;
}

/** What a stepped memory does beside holding words. Hunting needs all of it; a measuring run may leave it out. */
export interface MemoryChecks {
  /** The one-access rule, checked at every access. */
  readonly access: boolean;
  /** The hash of the image. Left out, it stays that of the base image. */
  readonly hash: boolean;
}

export class SteppedMemory implements Memory {
  readonly words: Int32Array;
  /** While an observer runs: it may touch oracle words and nothing else. */
  observing = false;
  /** The contended word touched in this step, or NOWHERE. */
  touched: Word = NOWHERE;
  /** Whether that access wrote. */
  touchedWrite = false;

  private readonly base: Int32Array;
  private readonly kind: Uint8Array;
  private readonly of: Int32Array;
  private readonly guards: readonly Guard[];
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

  private cpu = 0;
  private task = 0;
  private announced: Word = NOWHERE;
  private highHalfTouched = false;
  /** Locks held per task: the lock's word times two, plus one if held exclusively. */
  private readonly held: number[][] = [];

  /**
   * @param pairs the words that are page-table entries when their frame is a table: `[from, to)`. The two halves of an
   *   entry are one word to the check, because a PTE access is one 64-bit step here.
   */
  constructor(
    private readonly layout: Layout<unknown>,
    private readonly pairs: { from: number; to: number },
    private readonly checks: MemoryChecks = { access: true, hash: true },
  ) {
    const n = layout.words;
    const owners = checks.access ? layout.owners() : { kind: new Uint8Array(0), of: new Int32Array(0), guards: [] };
    this.words = new Int32Array(n);
    this.base = new Int32Array(n);
    this.kind = owners.kind;
    this.of = owners.of;
    this.guards = owners.guards;
    this.dirty = new Int32Array(n);
    this.dirtyStamp = new Int32Array(n);
    const hashed = checks.hash ? n : 0;
    this.unhashed = new Int32Array(hashed);
    this.hashStamp = new Int32Array(hashed);
    this.hashedValue = new Int32Array(hashed);
  }

  /** Starts a step of `cpu` in the context of `task`; the step may touch the contended word `announced`, once. */
  beginStep(cpu: number, task: number, announced: Word): void {
    this.cpu = cpu;
    this.task = task;
    this.announced = announced;
    this.touched = NOWHERE;
    this.touchedWrite = false;
    this.highHalfTouched = false;
  }

  /** The CPU of this step goes on with another task. */
  switchTask(task: number): void {
    this.task = task;
  }

  load(word: Word): number {
    this.check(word, false);
    return this.words[word];
  }
  store(word: Word, value: number): void {
    if (this.checks.access && this.kind[word] === OWNED_ONCE) this.checkOnce(word, value);
    else this.check(word, true);
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
    if (!this.checks.access) {
      this.set(word, value);
      return;
    }
    const kind = this.kind[word];
    const mine = kind === OWNED_CPU ? this.of[word] === this.cpu : kind === OWNED_TASK && this.of[word] === this.task;
    if (!mine && !(this.observing && kind === OWNED_ORACLE)) {
      throw this.broken('put to a word that is not private to this CPU', word);
    }
    this.set(word, value);
  }

  acquired(lock: Word, exclusive: boolean): void {
    let locks = this.held[this.task];
    if (!locks) {
      locks = [];
      this.held[this.task] = locks;
    }
    locks.push(lock * 2 + (exclusive ? 1 : 0));
  }
  released(lock: Word): void {
    const locks = this.held[this.task] ?? [];
    for (let i = locks.length - 1; i >= 0; i--) {
      if (locks[i] >> 1 === lock) {
        if (i === locks.length - 1) locks.pop();
        else locks.splice(i, 1);
        return;
      }
    }
    throw this.broken('released a lock that is not held', lock);
  }
  /** The names of the locks this task holds, oldest first. */
  locksHeldBy(task: number): string[] {
    return (this.held[task] ?? []).map((l) => this.layout.nameOf((l >> 1) as Word) + (l & 1 ? '' : ' (shared)'));
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
    for (const locks of this.held) while (locks && locks.length > 0) locks.pop();
    this.observing = false;
    this.forgetHash();
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

  private set(word: Word, value: number): void {
    if (this.dirtyStamp[word] !== this.epoch) {
      this.dirtyStamp[word] = this.epoch;
      this.dirty[this.dirtyCount++] = word;
    }
    if (this.checks.hash && this.hashStamp[word] !== this.hashEpoch) {
      this.hashStamp[word] = this.hashEpoch;
      this.hashedValue[word] = this.words[word];
      this.unhashed[this.unhashedCount++] = word;
    }
    this.words[word] = value;
  }

  private check(word: Word, write: boolean): void {
    if (!this.checks.access) return;
    const kind = this.kind[word];
    if (kind === OWNED_CPU) {
      if (this.of[word] === this.cpu) return;
    } else if (kind === OWNED_TASK) {
      if (this.of[word] === this.task) return;
    } else if (kind === OWNED_WRITER) {
      if (!write && this.of[word] === this.cpu) return;
    } else if (kind === OWNED_ORACLE) {
      if (this.observing) return;
      throw this.broken('a path touched an oracle word', word);
    } else if (kind === OWNED_ONCE) {
      if (!write) return;
      throw this.broken('a read-modify-write of a write-once word', word);
    } else if (kind === OWNED_GUARDED && this.covered(this.guards[this.of[word]], write)) return;
    if (this.observing) throw this.broken('an observer touched a word of the machine', word);
    if (word === this.announced && this.touched === NOWHERE) {
      this.touched = word;
      this.touchedWrite = write;
      return;
    }
    // the high half of an announced page-table entry belongs to the same 64-bit access
    const isHighHalf =
      word - 1 === this.announced && (word & 1) === 1 && word >= this.pairs.from && word < this.pairs.to;
    if (isHighHalf && !this.highHalfTouched) {
      this.highHalfTouched = true;
      return;
    }
    throw this.broken(
      this.touched === NOWHERE
        ? `touched a contended word that was not announced (announced: ${this.layout.nameOf(this.announced)})`
        : `touched a second contended word (after ${this.layout.nameOf(this.touched)})`,
      word,
    );
  }

  private checkOnce(word: Word, value: number): void {
    if (this.words[word] !== 0 && value !== 0) throw this.broken('changed a write-once word', word);
  }

  /** To read, one of the locks is enough; to write, all of them must be held exclusively. */
  private covered(guard: Guard, write: boolean): boolean {
    const held = this.held[this.task];
    if (!held || held.length === 0) return false;
    for (const lock of guard.locks) {
      const entry = this.lockWord(lock) * 2;
      const ok = write ? held.includes(entry + 1) : held.includes(entry + 1) || held.includes(entry);
      if (ok !== write) return ok;
    }
    return write;
  }

  private lockWord(lock: GuardLock): number {
    if (lock.via === undefined) return lock.word;
    const row = this.words[lock.via];
    return row >= 0 && row < lock.rows ? lock.base + row * lock.stride : NOWHERE;
  }

  private broken(rule: string, word: Word): OneAccessError {
    return new OneAccessError(rule, word, this.layout.nameOf(word));
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
      if (before === after) continue;
      this.low ^= mix(word, before, 0x85ebca6b) ^ mix(word, after, 0x85ebca6b);
      this.high ^= mix(word, before, 0xc2b2ae35) ^ mix(word, after, 0xc2b2ae35);
    }
    this.unhashedCount = 0;
    this.hashEpoch++;
  }
}

/** One word's share of the hash: a 32-bit finaliser over (address, value), one multiplier per half. */
function mix(word: number, value: number, multiplier: number): number {
  let x = Math.imul(word ^ 0x9e3779b9, multiplier) ^ value;
  x = Math.imul(x ^ (x >>> 16), multiplier);
  x = Math.imul(x ^ (x >>> 13), 0x27d4eb2f);
  return x ^ (x >>> 16);
}
