/** What all checks of a program need: every operation with its place, how to complain, and the bounds. */
import type { Op, Program, TaskProgram } from './program.ts';

/** Bounds that depend on the machine. */
export interface Limits {
  /** Virtual pages of an address space. Default 2^32, the largest that any geometry has. */
  pages?: number;
  /** Pages that a file may have at most. Default 65536, the most that any geometry has. */
  filePages?: number;
}

/** @throws BadInput */
export type Fail = (path: string, what: string, expected: string) => never;

/** The history first, then task after task. */
export function allOps(program: Program): { op: Op; path: string; task: TaskProgram }[] {
  const byName = new Map(program.tasks.map((t) => [t.name, t]));
  const history = program.history.map((h, i) => ({ op: h.op, path: `history[${i}].op`, task: byName.get(h.task)! }));
  const own = program.tasks.flatMap((task, t) =>
    task.ops.map((op, i) => ({ op, path: `tasks[${t}].ops[${i}]`, task })),
  );
  return [...history, ...own];
}
