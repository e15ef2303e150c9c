/**
 * A record of what steps touch, kept by a stepped memory when asked for: the footprint of each step, by which independent
 * events are told apart, and for each task a hash of what its path has read since the operation began, which with the
 * point and the image is all that the path can know. It is kept for each routine in progress: of one that has returned its
 * caller knows the value, and what lies in the handle of the CPU, unless the two share an object. Nobody learns from a look into a CPU's own TLB or paging-structure cache:
 * no path keeps across a point what it found there.
 */

/** Words read and written in a step, ascending; a word that was written carries bit 0. */
export type Footprint = readonly number[];

/** No word in common that either of the two writes. */
export function disjoint(a: Footprint, b: Footprint): boolean {
  for (let i = 0, k = 0; i < a.length && k < b.length; ) {
    const x = a[i] >> 1;
    const y = b[k] >> 1;
    if (x === y && ((a[i] | b[k]) & 1) !== 0) return false;
    if (x <= y) i++;
    if (y <= x) k++;
  }
  return true;
}

/** All that several steps touch. */
export function united(steps: readonly Footprint[]): Footprint {
  const words = Int32Array.from(steps.length === 1 ? steps[0] : steps.flat()).sort();
  const union: number[] = [];
  for (let i = 0; i < words.length; i++) {
    // a word both read and written counts once, as written
    if (i + 1 === words.length || words[i] >> 1 !== words[i + 1] >> 1) union.push(words[i]);
  }
  return union;
}

/** Hash of reads, in two halves. */
export interface Readings {
  readonly low: number;
  readonly high: number;
}
export const NO_READINGS: Readings = { low: 0, high: 0 };

/** What lies in the handle of a CPU when a routine returns. */
export interface Told {
  readonly loaded: number;
  readonly faultCode: number;
  readonly faultVpn: number;
  readonly pteHi: number;
}

/** In place of the address of a word. */
const A_STEP = -2;
const A_PICK = -3;
const A_RETURN = -4;
/** Numbers kept for a routine. */
const FRAME = 3;
/** Multipliers of the two halves of a hash. */
export const LOW = 0x85ebca6b;
export const HIGH = 0xc2b2ae35;

export class StepRecord {
  /** While a path is made again: it learns, but what it touches is not touched in this step. */
  again = false;
  /** 1 for words that are not recorded, where there are any. */
  leftOut: Uint8Array | undefined;
  /** Between steps engines look at words; that is nobody's reading. */
  private inStep = false;
  private touched: number[] = [];
  private kept: number[] = [];
  /** Of which task routines are called now. */
  task = -1;
  /** Per task: for each routine in progress, the outermost first, the halves of its hash and whether its caller shares it. */
  private readonly known: number[][] = [];

  reset(): void {
    this.inStep = false;
    this.touched.length = 0;
    this.known.length = 0;
  }
  /** A step of that task: how far a path has come does not follow from what it read if it only writes. -1: of no path. */
  beginStep(task: number): void {
    if (!this.again) {
      this.inStep = true;
      this.touched.length = 0;
    }
    if (task >= 0) this.learns(task, A_STEP, 0);
  }

  endStep(): void {
    this.inStep = false;
  }

  /** Keeps the footprint of the step that ended last, while others are made and taken back. */
  remember(): void {
    this.kept = this.touched;
    this.touched = [];
  }
  takeBack(): void {
    this.touched = this.kept;
  }

  /** A word is read, or about to be written; `value` is what it holds. `task` is -1 for observers, who tell paths nothing. */
  notes(word: number, write: boolean, value: number, task: number): void {
    if (!(this.inStep || this.again) || this.leftOut?.[word] === 1) return;
    if (!this.again) this.touched.push(word * 2 + (write ? 1 : 0));
    if (task >= 0) this.learns(task, word, value);
  }

  /** A look into the caches of translations of the CPU that runs. */
  consults(word: number): void {
    if (this.inStep && !this.again) this.touched.push(word * 2);
  }

  /** Of the step that ended last. */
  footprint(): Footprint {
    return united([this.touched]);
  }

  /** The task is told which operation it begins. */
  learnsOf(task: number, operation: number): void {
    this.learns(task, A_PICK, operation);
  }

  /** Of the innermost routine of the task. */
  readings(task: number): Readings {
    const known = this.of(task);
    const at = known.length - FRAME;
    return { low: known[at], high: known[at + 1] };
  }
  /** What the innermost routine of the task has read so far no longer matters, or matters again. */
  setReadings(task: number, { low, high }: Readings = NO_READINGS): void {
    const known = this.of(task);
    const at = known.length - FRAME;
    known[at] = low;
    known[at + 1] = high;
  }
  /** Of all routines of the task that are in progress. */
  knowledge(task: number): readonly number[] {
    return this.of(task);
  }

  /** The running task calls a routine, or one is put on top of those it has called. */
  enters(shared = false, task = this.task): void {
    this.of(task).push(0, 0, shared ? 1 : 0);
  }
  /** The innermost routine of the task has returned `value`: its caller learns that, and what may be left in the handle. */
  leaves(value: unknown, { loaded, faultCode, faultVpn, pteHi }: Told, task = this.task): void {
    const known = this.of(task);
    const shared = known.pop() === 1;
    const high = known.pop() ?? 0;
    const low = known.pop() ?? 0;
    const at = known.length - FRAME;
    fold(known, at, A_RETURN, 0);
    fold(known, at, A_RETURN, typeof value === 'number' ? value : value === true ? 1 : 0);
    fold(known, at, A_RETURN, loaded);
    fold(known, at, A_RETURN, faultCode);
    fold(known, at, A_RETURN, faultVpn);
    fold(known, at, A_RETURN, pteHi);
    if (shared || isObject(value)) fold(known, at, low, high);
  }
  /** A routine that nobody called has ended. */
  drops(task: number): void {
    this.of(task).length -= FRAME;
  }
  /** Nothing of the task is in progress any more. */
  forgets(task: number): void {
    this.known[task] = [0, 0, 0];
  }
  /** The task knows again what it knew at another moment: `known` is a copy of its knowledge then. */
  knowsAgain(task: number, known: readonly number[]): void {
    this.known[task] = [...known];
  }

  private of(task: number): number[] {
    this.known[task] ??= [0, 0, 0];
    return this.known[task];
  }

  private learns(task: number, word: number, value: number): void {
    const known = this.of(task);
    fold(known, known.length - FRAME, word, value);
  }
}

/** Adds what was read to the two halves of a hash. */
function fold(known: number[], at: number, word: number, value: number): void {
  known[at] = mixed(known[at] ^ value, word, LOW);
  known[at + 1] = mixed(known[at + 1] ^ value, word, HIGH);
}

/** Something that its holders may tell each other more by, later. */
export function isObject(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** A 32-bit finaliser over a running hash and the address of a word. */
export function mixed(hash: number, word: number, multiplier: number): number {
  let x = Math.imul(hash ^ (word + 0x9e3779b9), multiplier);
  x = Math.imul(x ^ (x >>> 15), 0x27d4eb2f);
  return x ^ (x >>> 16);
}
