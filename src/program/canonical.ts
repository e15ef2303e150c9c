/** One spelling per program: two programs that mean the same are deeply equal once they are canonical. */
import type { MachineSpec, Op, Program, TaskProgram } from './program.ts';

/** Values that mean the same as leaving the field out. */
const OP_DEFAULTS: Readonly<Record<string, unknown>> = {
  pages: 1,
  word: 0,
  write: false,
  fast: false,
  fixed: false,
  populate: false,
  shared: false,
  offset: 0,
  sync: false,
  node: 0,
  context: 'task',
  off: false,
};
const TASK_DEFAULTS: Readonly<Record<string, unknown>> = { mm: 0, kthread: false, server: false, priority: 0 };

/** The same program without fields that are undefined, empty or at their default. The argument is not changed. */
export function canonicalProgram(program: Program): Program {
  const { name, says, machine, files, tasks, history, rounds, final } = program;
  return without(
    { says: undefined, rounds: 1, final: undefined },
    {
      name,
      says,
      machine: canonicalMachine(machine),
      files:
        files !== undefined && files.length > 0
          ? files.map((f) => without({ remote: false, device: false }, f))
          : undefined,
      tasks: tasks.map(canonicalTask),
      history: history.map(({ task, op }) => ({ task, op: canonicalOp(op) })),
      rounds,
      final,
    },
  );
}

/** The same operation without fields at their default. */
export function canonicalOp(op: Op): Op {
  // a truncation to one page has no default
  return op.do === 'truncate' ? op : without(OP_DEFAULTS, op);
}

function canonicalTask(task: TaskProgram): TaskProgram {
  // a forked task runs in its parent's copy and a kernel thread in none: their `mm` says nothing
  const mm = task.kthread || task.forkedBy !== undefined ? undefined : task.mm;
  return without(TASK_DEFAULTS, { ...task, mm, ops: task.ops.map(canonicalOp) });
}

function canonicalMachine(machine: MachineSpec): MachineSpec {
  const filled = (record: object | undefined) => (record && Object.keys(record).length > 0 ? record : undefined);
  return without(
    {},
    {
      ...machine,
      override: filled(machine.override) as MachineSpec['override'],
      switches: filled(machine.switches) as MachineSpec['switches'],
    },
  );
}

function without<T extends object>(defaults: Readonly<Record<string, unknown>>, value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([k, v]) => v !== undefined && v !== defaults[k])) as T;
}
