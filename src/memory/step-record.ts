/**
 * A record of what steps touch, kept by a stepped memory when asked for: the footprint of each step, by which independent
 * events are told apart, and for each task a hash of what its path has read since the operation began, which with the
 * point and the image is all that the path can know. Not recorded: reads of a CPU's own TLB, whose result no path keeps
 * across a point.
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

/** Hash of reads, in two halves. */
export interface Readings {
  readonly low: number;
  readonly high: number;
}
const NOTHING: Readings = { low: 0, high: 0 };

export class StepRecord {
  private readonly touched: number[] = [];
  /** Per task. */
  private readonly low: number[] = [];
  private readonly high: number[] = [];

  reset(): void {
    this.beginStep();
    this.low.length = 0;
    this.high.length = 0;
  }
  beginStep(): void {
    this.touched.length = 0;
  }

  /** A word is read, or about to be written; `value` is what it holds. `task` is -1 for observers, who tell paths nothing. */
  notes(word: number, write: boolean, value: number, task: number): void {
    this.touched.push(word * 2 + (write ? 1 : 0));
    if (task < 0) return;
    this.low[task] = mixed((this.low[task] ?? 0) ^ value, word, 0x85ebca6b);
    this.high[task] = mixed((this.high[task] ?? 0) ^ value, word, 0xc2b2ae35);
  }

  /** Of the step that ended last. */
  footprint(): Footprint {
    const words = [...new Set(this.touched)].sort((a, b) => a - b);
    // a word both read and written counts once, as written
    return words.filter((w, i) => (words[i + 1] ?? -1) >> 1 !== w >> 1);
  }

  readings(task: number): Readings {
    return { low: this.low[task] ?? 0, high: this.high[task] ?? 0 };
  }
  /** What the task has read so far no longer matters, or matters again. */
  setReadings(task: number, { low, high }: Readings = NOTHING): void {
    this.low[task] = low;
    this.high[task] = high;
  }
}

/** A 32-bit finaliser over a running hash and the address of a word. */
export function mixed(hash: number, word: number, multiplier: number): number {
  let x = Math.imul(hash ^ (word + 0x9e3779b9), multiplier);
  x = Math.imul(x ^ (x >>> 15), 0x27d4eb2f);
  return x ^ (x >>> 16);
}
