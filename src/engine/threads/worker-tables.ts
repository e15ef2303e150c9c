/**
 * The words by which workers and controller steer a run: who sleeps, who has come to rest, when to stop. They lie in a
 * memory of their own beside the image, so that the image holds the machine and nothing else.
 */
import type { CpuId } from '../../hardware/types.ts';
import type { TaskId } from '../../kernel/types.ts';
import { Layout } from '../../memory/layout.ts';
import type { Memory } from '../../memory/memory.ts';
import { type Columns, table } from '../../memory/table.ts';

/** Sizes of the control words. */
export interface ControlSizes {
  readonly cpus: number;
  /** Idle tasks and program tasks. */
  readonly tasks: number;
  /** Entries of each CPU's log of a round; 0: no log. */
  readonly logEntries: number;
}

/** Values of `run.stop`. */
export const GO_ON = 0;
/** Come to rest at the end of the operations in flight, then stop. */
export const STOP_AT_REST = 1;
/** Stop at the next point, wherever that is. */
export const STOP_NOW = 2;

/** Words of a cache line: what one CPU writes all the time must not share a line with what others read. */
const LINE = 16;
const line = { owner: 'shared', width: () => LINE } as const;

const BOARD = table<CpuId, ControlSizes>()('board', (s) => s.cpus, {
  /** Raised by every wake-up of this CPU; the word it sleeps on. */
  wake: 'shared',
  /** 0: awake; else it sleeps until this word, less one, changes; ANY_WAKE: until somebody wakes it. */
  waitingOn: 'shared',
  /** 1 while the CPU waits, asleep or polling, for something that others have to do. */
  waits: 'shared',
  between: line,
  /** Number of the point last announced, as this worker counts points. Written plainly, as are the next three. */
  point: 'shared',
  /** Points passed, modulo 2^32: a CPU whose count stands still is asleep or hangs. */
  points: 'shared',
  /** Operations of programs done. */
  operations: 'shared',
  /** Entries in the log of this round, counting those that did not fit. */
  logged: 'shared',
  after: line,
});

const RUN = table<number, ControlSizes>()('run', () => 1, {
  /** Number of CPUs that sleep until a word changes. */
  sleepers: 'shared',
  before: line,
  stop: 'shared',
  /** Rounds asked for; a round ends when all CPUs rest while this is above `rounds`. */
  asked: 'shared',
  /** Rounds ended. */
  rounds: 'shared',
  /** How often the program was started again from the image of the boot. */
  restarts: 'shared',
  after: line,
  /** CPUs at rest in this round, see rounds.ts. */
  arrived: 'shared',
  last: line,
  /** Source of the order of points in this round. */
  ticket: 'shared',
  /** Rises with the operations done; the oracle's clock. */
  clock: 'shared',
  end: line,
});

const RAN = table<TaskId, ControlSizes>()('ran', (s) => s.tasks, {
  /** CPU that last ran this task, plus one; 0: it has not run since the (re)start. */
  on: 'shared',
});

const LOG = table<CpuId, ControlSizes>()('log', (s) => s.cpus, {
  entry: { owner: 'shared', width: (s: ControlSizes) => s.logEntries },
});

/** `waitingOn` of a CPU that sleeps until it is woken. */
export const ANY_WAKE = -1;

export interface ControlColumns {
  readonly board: Columns<CpuId, (typeof BOARD)['fields']>;
  readonly run: Columns<number, (typeof RUN)['fields']>;
  readonly ran: Columns<TaskId, (typeof RAN)['fields']>;
  readonly log: Columns<CpuId, (typeof LOG)['fields']>;
}

/** The layout of the control words; the same sizes give the same layout in every isolate. */
export function controlLayout(sizes: ControlSizes): Layout<ControlSizes> {
  const layout = new Layout<ControlSizes>(sizes);
  for (const t of [RUN, BOARD, RAN]) layout.place(t as typeof RUN);
  if (sizes.logEntries > 0) layout.place(LOG);
  return layout;
}

/** The columns of the control words over `mem`. Without a log, `log.entry` must not be used. */
export function controlColumns(layout: Layout<ControlSizes>, mem: Memory): ControlColumns {
  return {
    board: layout.columns(BOARD, mem),
    run: layout.columns(RUN, mem),
    ran: layout.columns(RAN, mem),
    log: layout.sizes.logEntries > 0 ? layout.columns(LOG, mem) : ({} as ControlColumns['log']),
  };
}
