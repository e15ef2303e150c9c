/** A thread of the log as the importer follows it. */
import type { Op, TaskProgram } from '../program/program.ts';
import type { Range } from './dependencies.ts';
import type { Step } from './order.ts';
import type { Backing, ReplayedFile } from './replayed-file.ts';
import type { Space } from './space.ts';
import type { TraceCall } from './trace.ts';

export interface TracedThread {
  readonly tid: number;
  /** Number of its task; a thread that calls execve goes on as another task. */
  readonly row: number;
  readonly task: TaskProgram;
  readonly space: Space;
  /** False: its address space was made by a fork, and a program cannot start a task there. */
  readonly startsInSpace: boolean;
  /** The step that created it, until its own first step. */
  createdBy: Step | undefined;
}

/** Pages of a file that a step uses. */
export interface FileRange extends Range {
  readonly file: ReplayedFile;
  /** It changes nothing there. */
  readonly looks?: boolean;
}

/** What a call becomes. */
export interface Effect {
  ops: Op[];
  /** Pages whose mapping it changes or uses: `[page, pages]`. */
  ranges?: readonly (readonly [page: number, pages: number])[];
  /** Pages of files that it uses, by descriptor or by mapping. */
  files?: readonly FileRange[];
  /** The kernel chose where: whatever was there before is gone, even where the log shows the calls overlapping. */
  fresh?: boolean;
  /** What to do once the step stands in its place. */
  afterwards?: (step: Step) => void;
}

/** What calls may do beyond their own address space. */
export interface Importer {
  readonly cpus: number;
  readonly followsAffinity: boolean;
  /** Memory is created at a recorded byte address. @param was what the log says of it */
  noteMapping(address: number, was: { file: boolean; shared: boolean; backing: Backing | undefined }): void;
  /** What an mmap shows of a file at that page of the machine; undefined: private anonymous memory, or replayed as such. */
  backingOf(call: TraceCall, page: number): Backing | undefined;
  /** What a call on descriptors does to files that somebody maps; a text says why nothing is replayed. */
  fileEffect(call: TraceCall): Pick<Effect, 'ops' | 'files'> | string;
  /** The machine's page for a recorded byte address; undefined: the range does not fit. */
  page(address: number, pages: number): number | undefined;
  /**
   * A thread in the address space of `parent`, started by `step`. @param stack recorded byte address below which its stack
   * begins
   */
  startThread(parent: TracedThread, tid: number, step: Step, stack: number | undefined): void;
  /** The name of the task that goes on in a copy of the address space of `parent`. */
  forkProcess(parent: TracedThread, tid: number): string;
  /** The thread goes on in a new, empty address space. */
  exec(thread: TracedThread, step: Step): void;
  /** True while nothing of the thread's address space has been replayed. */
  isPristine(thread: TracedThread): boolean;
}
