/** Recorded traces, whatever tool wrote them: the calls of each thread, before anything is inferred. */

/** A system call that returned, or one that never does (exit). */
export interface TraceCall {
  /** Thread id as the log gives it; 1 where a log of one thread gives none. */
  thread: number;
  name: string;
  /** As printed, split at the commas between arguments. */
  args: string[];
  /** As printed: `0x7f1ca4330000`, `-1 ENOMEM (Cannot allocate memory)`, `?`. */
  result: string;
  /** Lines at which the call begins and ends, from 1. They order calls: a call precedes another if it ends on an earlier line. */
  line: number;
  endLine: number;
  /** Time of the begin as printed: seconds, of the epoch or of the day. */
  start?: number;
  /** How long it took, in seconds. */
  seconds?: number;
}

export interface Trace {
  /** File name. */
  source: string;
  /** Thread ids in order of appearance. */
  threads: number[];
  /** In the order in which they begin. */
  calls: TraceCall[];
  /** Lines that are no part of a complete call: reason to count. */
  skipped: Record<string, number>;
  notes: string[];
}

/** Adds one to a count of the record. */
export function tally(counts: Record<string, number>, reason: string, by = 1): void {
  counts[reason] = (counts[reason] ?? 0) + by;
}
