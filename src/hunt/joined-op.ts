/** Operations that nobody makes join a program: where a task stands, and the program with the operations there. */
import type { Stepper } from '../engine/stepper.ts';
import { type AccessKind, LOAD, STORE, type Vpn } from '../hardware/types.ts';
import type { TaskId } from '../kernel/types.ts';
import type { Op, Program } from '../program/program.ts';

/** The access as an operation. */
export function accessOp(kind: AccessKind, vpn: Vpn, word: number): Op {
  const what = kind === LOAD ? 'load' : kind === STORE ? 'store' : 'fetch';
  return word === 0 ? { do: what, page: vpn } : { do: what, page: vpn, word };
}

/** Index of the operation before which the task, or the history, stands in `stepper`. */
export function placeOf({ tasks, machine: { cpus } }: Program, stepper: Stepper, task: TaskId): number {
  const { columns } = stepper.machine;
  // in the history, the operation whose turn it is has just returned
  if (stepper.historyViolation) return columns.program.turn.peek(0) + 1;
  const { pc, anew, done } = columns.user;
  return done.peek(task) === 1 ? (tasks[task - cpus]?.ops.length ?? 0) : pc.peek(task) - anew.peek(task);
}

/** The program with the operations at that place, one behind the other; undefined if they are no task's to do. */
export function withOps(
  program: Program,
  task: TaskId,
  joined: readonly Op[],
  at: number,
  inHistory = false,
): Program | undefined {
  const index = task - program.machine.cpus;
  const own = program.tasks[index];
  if (!own) return undefined;
  if (inHistory) {
    const steps = joined.map((op) => ({ task: own.name, op }));
    const history = [...program.history.slice(0, at), ...steps, ...program.history.slice(at)];
    return { ...program, history };
  }
  const ops = [...own.ops.slice(0, at), ...joined, ...own.ops.slice(at)];
  return { ...program, tasks: program.tasks.map((t, i) => (i === index ? { ...t, ops } : t)) };
}
