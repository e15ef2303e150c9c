/** An access that nobody makes joins a program: where a task stands, and the program with the access there. */
import type { Stepper } from '../engine/stepper.ts';
import { type AccessKind, LOAD, STORE, type Vpn } from '../hardware/types.ts';
import type { TaskId } from '../kernel/types.ts';
import type { Op, Program } from '../program/program.ts';

/** What joins, and whose it is. */
export interface JoinedAccess {
  readonly task: TaskId;
  readonly vpn: Vpn;
  readonly word: number;
  /** -1: none. */
  readonly kind: AccessKind | -1;
}

/** Index of the operation before which the task, or the history, stands in `stepper`. */
export function placeOf({ tasks, machine: { cpus } }: Program, stepper: Stepper, task: TaskId): number {
  const { columns } = stepper.machine;
  // in the history, the operation whose turn it is has just returned
  if (stepper.historyViolation) return columns.program.turn.peek(0) + 1;
  const { pc, anew, done } = columns.user;
  return done.peek(task) === 1 ? (tasks[task - cpus]?.ops.length ?? 0) : pc.peek(task) - anew.peek(task);
}

/** The program with the access at that place; undefined if it is no task's to do. */
export function withAccess(
  program: Program,
  at: number,
  inHistory: boolean,
  { task, vpn, word, kind }: JoinedAccess,
): Program | undefined {
  const index = task - program.machine.cpus;
  const own = program.tasks[index];
  if (!own || kind < 0) return undefined;
  const what = kind === LOAD ? 'load' : kind === STORE ? 'store' : 'fetch';
  const op: Op = word === 0 ? { do: what, page: vpn } : { do: what, page: vpn, word };
  if (inHistory) {
    const history = [...program.history.slice(0, at), { task: own.name, op }, ...program.history.slice(at)];
    return { ...program, history };
  }
  const ops = [...own.ops.slice(0, at), op, ...own.ops.slice(at)];
  return { ...program, tasks: program.tasks.map((t, i) => (i === index ? { ...t, ops } : t)) };
}
