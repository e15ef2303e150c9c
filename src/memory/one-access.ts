/**
 * The one-access rule, checked mechanically: in a step a path touches at most one contended word, once, and it is the
 * announced one. Free are words that no other CPU can touch meanwhile: private ones, and guarded ones under their lock.
 */
import { HeldLocks } from './held-locks.ts';
import {
  type Guard,
  type GuardLock,
  type Layout,
  OWNED_CPU,
  OWNED_ONCE,
  OWNED_ORACLE,
  OWNED_SHARED,
  OWNED_TASK,
  OWNED_WRITER,
  OWNER_KIND,
  OWNER_OF,
  ownerCode,
} from './layout.ts';
import { NOWHERE, type Word } from './memory.ts';
import { StepRecord } from './step-record.ts';
import { type Moment, TrackedImage } from './tracked-image.ts';

/** The row that would hold an optional lock is none. */
const NO_LOCK = -2;

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

/** What a stepped memory does beside holding words. Hunting needs the first two; a measuring run may leave them out. */
export interface MemoryChecks {
  /** The one-access rule, checked at every access. */
  readonly access: boolean;
  /** The hash of the image. Left out, it stays that of the base image. */
  readonly hash: boolean;
  /** A record of what each step touches; left out, there is none. */
  readonly record?: boolean;
  /** A log of what is written, by which a run goes back to any of its steps; needs hash and record. Left out, there is none. */
  readonly log?: boolean;
}

/** How far a step has come. */
export interface StepUnderWay {
  readonly cpu: number;
  readonly task: number;
  readonly announced: Word;
  readonly touched: Word;
  readonly touchedWrite: boolean;
  readonly highHalfTouched: boolean;
}

export class CheckedImage extends TrackedImage {
  /** While an observer runs: it may touch oracle words and nothing else. */
  observing = false;
  /** The contended word touched in this step, or NOWHERE. */
  touched: Word = NOWHERE;
  /** Whether that access wrote. */
  touchedWrite = false;
  /** What steps touch, if somebody asked for it. */
  readonly record: StepRecord | undefined;

  private readonly checked: boolean;
  private readonly owner: Int32Array;
  private readonly guards: readonly Guard[];
  /** Owner codes of the words that belong to the CPU and to the task of this step. */
  private cpuOwns = 0;
  private taskOwns = 0;
  protected cpu = 0;
  private task = 0;
  private announced: Word = NOWHERE;
  private highHalfTouched = false;
  readonly held = new HeldLocks();

  constructor(
    private readonly layout: Layout<unknown>,
    private readonly pairs: { from: number; to: number },
    checks: MemoryChecks,
  ) {
    super(layout.words, checks.hash, checks.log);
    this.checked = checks.access;
    this.record = checks.record ? new StepRecord() : undefined;
    const { owner, guards } = checks.access ? layout.owners() : { owner: new Int32Array(0), guards: [] };
    this.owner = owner;
    this.guards = guards;
  }

  /** Starts a step of `cpu` in the context of `task`; the step may touch the contended word `announced`, once. */
  beginStep(cpu: number, task: number, announced: Word): void {
    this.cpu = cpu;
    this.cpuOwns = ownerCode(OWNED_CPU, cpu);
    this.switchTask(task);
    this.announced = announced;
    this.touched = NOWHERE;
    this.touchedWrite = false;
    this.highHalfTouched = false;
    this.record?.beginStep(task);
  }

  /** The CPU of this step goes on with another task. */
  switchTask(task: number): void {
    this.task = task;
    if (this.record) this.record.task = task;
    this.taskOwns = ownerCode(OWNED_TASK, task);
  }

  /** Are paths made again from now on, as they went before? */
  makesAgain(on: boolean): void {
    this.again = on;
    if (this.record) this.record.again = on;
  }

  underWay(): StepUnderWay {
    const { cpu, task, announced, touched, touchedWrite, highHalfTouched } = this;
    return { cpu, task, announced, touched, touchedWrite, highHalfTouched };
  }
  /** Goes on with a step in the midst of which others were made again. */
  goOn({ cpu, task, announced, touched, touchedWrite, highHalfTouched }: StepUnderWay): void {
    this.cpu = cpu;
    this.cpuOwns = ownerCode(OWNED_CPU, cpu);
    this.switchTask(task);
    this.announced = announced;
    this.touched = touched;
    this.touchedWrite = touchedWrite;
    this.highHalfTouched = highHalfTouched;
  }

  acquired(lock: Word, exclusive: boolean): void {
    this.held.acquired(this.task, lock, exclusive);
  }
  released(lock: Word): void {
    if (!this.held.released(this.task, lock)) throw this.broken('released a lock that is not held', lock);
  }
  /** The names of the locks this task holds, oldest first. */
  locksHeldBy(task: number): string[] {
    return this.held.names(task, (lock) => this.layout.nameOf(lock));
  }

  override reset(): void {
    super.reset();
    this.held.clear();
    this.observing = false;
    this.record?.reset();
  }

  /** Also from the midst of a step that failed. */
  override goBack(moment: Moment): void {
    super.goBack(moment);
    this.observing = false;
    this.record?.endStep();
  }
  override remember(): void {
    super.remember();
    this.record?.remember();
  }
  override takeBack(): void {
    super.takeBack();
    this.record?.takeBack();
  }

  /**
   * Words that neither the hash nor the record is to know: bookkeeping from which nothing follows. And `hints`, which say when
   * to look for something that is not there anyway: only the hash leaves them out, for whether one looks depends on them.
   */
  leaveOut(words: Iterable<Word>, hints: Iterable<Word>): void {
    const unrecorded = new Uint8Array(this.words.length);
    for (const word of words) unrecorded[word] = 1;
    this.leftOut = unrecorded.slice();
    for (const word of hints) this.leftOut[word] = 1;
    if (this.record) this.record.leftOut = unrecorded;
  }

  /** A read that is no event of the protocol. */
  looks(word: Word): void {
    this.record?.notes(word, false, this.words[word], this.reader());
  }

  /**
   * `seen` is what the path reads if it is not what the image holds. @throws OneAccessError unless this step may touch the
   * word.
   */
  protected check(word: Word, write: boolean, seen?: number): void {
    if (this.record !== undefined) this.record.notes(word, write, seen ?? this.words[word], this.reader());
    if (this.checked) this.permit(word, write);
  }

  /** A plain store is the one verb that may set a write-once word. */
  protected checkStore(word: Word, value: number): void {
    this.record?.notes(word, true, 0, -1);
    if (!this.checked) return;
    if (this.owner[word] >> OWNER_KIND !== OWNED_ONCE) this.permit(word, true);
    else if (this.words[word] !== 0 && value !== 0) throw this.broken('changed a write-once word', word);
  }

  private permit(word: Word, write: boolean): void {
    const owner = this.owner[word];
    if (owner === this.cpuOwns || owner === this.taskOwns) return;
    if (owner !== OWNED_SHARED && this.isFree(word, owner, write)) return;
    if (this.observing) throw this.broken('an observer touched a word of the machine', word);
    if (word === this.announced && this.touched === NOWHERE) {
      this.touched = word;
      this.touchedWrite = write;
      return;
    }
    this.checkHighHalf(word);
  }

  /** A store without an event is for private words, and for the ghosts of an observer. */
  protected checkPut(word: Word): void {
    this.record?.notes(word, true, 0, -1);
    if (!this.checked) return;
    const owner = this.owner[word];
    if (owner === this.cpuOwns || owner === this.taskOwns) return;
    if (this.observing && owner >> OWNER_KIND === OWNED_ORACLE) return;
    throw this.broken('put to a word that is not private to this CPU', word);
  }

  /** The task that learns what is read now; -1 while an observer reads. */
  private reader(): number {
    return this.observing ? -1 : this.task;
  }

  private isFree(word: Word, owner: number, write: boolean): boolean {
    switch (owner >> OWNER_KIND) {
      case OWNED_CPU:
      case OWNED_TASK:
        return false;
      case OWNED_WRITER:
        return !write && (owner & OWNER_OF) === this.cpu;
      case OWNED_ORACLE:
        if (this.observing) return true;
        throw this.broken('a path touched an oracle word', word);
      case OWNED_ONCE:
        if (!write) return true;
        throw this.broken('a read-modify-write of a write-once word', word);
      default:
        return this.covered(this.guards[owner & OWNER_OF], write);
    }
  }

  /** The high half of an announced page-table entry belongs to the same 64-bit access; anything else is refused. */
  private checkHighHalf(word: Word): void {
    const { pairs } = this;
    const isHighHalf = word - 1 === this.announced && (word & 1) === 1 && word >= pairs.from && word < pairs.to;
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

  /** To read, one of the locks is enough; to write, all of them must be held exclusively. */
  private covered(guard: Guard, write: boolean): boolean {
    if (!this.held.any(this.task)) return false;
    for (const lock of guard.locks) {
      const word = this.lockWord(lock);
      if (word === NO_LOCK) continue;
      const ok = this.held.holds(this.task, word, write);
      if (ok !== write) return ok;
    }
    return write;
  }

  private lockWord(lock: GuardLock): number {
    if (lock.via === undefined) return lock.word;
    const row = this.words[lock.via];
    if (row < lock.first) return NO_LOCK;
    return row < lock.rows ? lock.base + row * lock.stride : NOWHERE;
  }

  private broken(rule: string, word: Word): OneAccessError {
    return new OneAccessError(rule, word, this.layout.nameOf(word));
  }
}
