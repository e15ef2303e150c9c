/**
 * Programs with one thing less than a given one: a task, or one for two, operations, pages of a range, a file, a setting, idle
 * CPUs.
 */
import { GEOMETRIES } from '../hardware/geometry.ts';
import { FILE_KINDS, type FileSpec, type Op, type Program, type TaskProgram } from '../program/program.ts';
import { makesSense } from './check-machine.ts';

/** A smaller program; `cpus` lists the CPUs that are left, by their old numbers. */
export interface Smaller {
  readonly program: Program;
  readonly cpus: readonly number[];
}

/** The largest cuts first. Each would be accepted from a file; whether it still convicts is the caller's question. */
export function* smallerPrograms(program: Program): Iterable<Smaller> {
  const cpus = Array.from({ length: program.machine.cpus }, (_, id) => id);
  for (const less of withLess(program)) if (makesSense(less)) yield { program: less, cpus };
  const compact = withoutIdleCpus(program);
  if (compact.cpus.length < cpus.length) yield compact;
  for (const fewer of withOneTaskForTwo(program)) if (makesSense(fewer)) yield { program: fewer, cpus };
}

function* withLess(program: Program): Iterable<Program> {
  yield* withoutTask(program);
  yield* withLessHistory(program);
  yield* withoutOperation(program);
  yield* withShorterRange(program);
  yield* withLessOfFiles(program);
  yield* withoutSetting(program);
  yield* withSmallerSetting(program);
}

function* withoutTask(program: Program): Iterable<Program> {
  const { tasks, history } = program;
  for (const [i, task] of tasks.entries()) {
    const referred = tasks.some((t) => t.forkedBy === task.name) || usesTask(program, task.name);
    if (tasks.length > 1 && !referred) {
      yield {
        ...program,
        tasks: tasks.filter((_, j) => j !== i),
        history: history.filter((h) => h.task !== task.name),
      };
    }
  }
}

/**
 * What two tasks of one address space do is done by one of them, that of the one before or behind that of the other. Two CPUs are left:
 * a flush that another CPU should have made is another story than one of its own.
 */
function* withOneTaskForTwo(program: Program): Iterable<Program> {
  const { tasks, history } = program;
  for (const gone of tasks) {
    if (gone.forkedBy !== undefined || tasks.some((t) => t.forkedBy === gone.name)) continue;
    if (new Set(tasks.flatMap((t) => (t === gone ? [] : [t.cpu]))).size < 2) continue;
    for (const stays of tasks) {
      if (stays === gone || stays.forkedBy !== undefined || !areAlike(stays, gone)) continue;
      const renamed = (op: Op): Op => ofOther(op, gone.name, stays.name);
      for (const ops of [
        [...gone.ops, ...stays.ops],
        [...stays.ops, ...gone.ops],
      ]) {
        yield {
          ...program,
          tasks: tasks.filter((t) => t !== gone).map((t) => ({ ...t, ops: (t === stays ? ops : t.ops).map(renamed) })),
          history: history.map(({ task, op }) => ({ task: task === gone.name ? stays.name : task, op: renamed(op) })),
        };
      }
    }
  }
}

/** Do the two have one address space, or are they kernel threads of one kind? */
function areAlike(a: TaskProgram, b: TaskProgram): boolean {
  return (a.mm ?? 0) === (b.mm ?? 0) && a.kthread === b.kthread && a.server === b.server;
}

/** The operation about another task, where it is about one. */
function ofOther(op: Op, name: string, other: string): Op {
  const fields = Object.entries(op).map(([key, value]) => [
    key,
    ABOUT_TASKS.includes(key) && value === name ? other : value,
  ]);
  return Object.fromEntries(fields) as Op;
}
const ABOUT_TASKS = ['task', 'of', 'withOf'];

function* withLessHistory(program: Program): Iterable<Program> {
  const { history } = program;
  const half = Math.ceil(history.length / 2);
  if (history.length > 3) {
    yield { ...program, history: history.slice(half) };
    yield { ...program, history: history.slice(0, half) };
  }
  for (let i = history.length - 1; i >= 0; i--) {
    if (history[i].op.do !== 'fork') yield { ...program, history: history.filter((_, j) => j !== i) };
  }
}

function* withoutOperation(program: Program): Iterable<Program> {
  for (const [i, task] of program.tasks.entries()) {
    for (let k = task.ops.length - 1; k >= 0; k--) {
      if (task.ops[k].do === 'fork') continue;
      yield withOps(
        program,
        i,
        task.ops.filter((_, j) => j !== k),
      );
    }
  }
}

/** One operation on a single page, on half of its range, without its first page, or on memory that is not shared. */
function* withShorterRange(program: Program): Iterable<Program> {
  const { tasks, history } = program;
  for (const [k, { task, op }] of history.entries()) {
    for (const less of simpler(op)) {
      yield { ...program, history: history.map((h, j) => (j === k ? { task, op: less } : h)) };
    }
  }
  for (const [i, task] of tasks.entries()) {
    for (const [k, op] of task.ops.entries()) {
      for (const less of simpler(op)) {
        yield withOps(
          program,
          i,
          task.ops.map((o, j) => (j === k ? less : o)),
        );
      }
    }
  }
}

/** On fewer pages, or with memory of its own instead of shared. */
export function simpler(op: Op): Op[] {
  const { shared, ...own } = op as Op & { do: 'mmap' };
  return op.do === 'mmap' && shared && op.file === undefined ? [...shorter(op), own] : shorter(op);
}

/** A truncation keeps what it asks for: a smaller length discards more, not less. */
function shorter(op: Op): Op[] {
  if (op.do === 'truncate' || !('pages' in op) || op.pages === undefined || op.pages <= 1) return [];
  const half = Math.ceil(op.pages / 2);
  const heads = [...new Set([1, half])].map((pages) => ({ ...op, pages }));
  // the rest of a mapping would show other pages of its file; pages of the kernel have no numbers
  return op.do === 'mmap' || !('page' in op) ? heads : [...heads, { ...op, page: op.page + 1, pages: op.pages - 1 }];
}

/** Without a file that nothing names, or with a file one page shorter, or on this machine's own disk. */
function* withLessOfFiles(program: Program): Iterable<Program> {
  const { files = [] } = program;
  const named = new Set(
    operationsOf(program).flatMap((op) => ('file' in op && op.file !== undefined ? [op.file] : [])),
  );
  for (const [i, file] of files.entries()) {
    const instead = (other: FileSpec): Program => ({ ...program, files: files.map((f, j) => (j === i ? other : f)) });
    if (!named.has(file.name)) yield { ...program, files: files.filter((_, j) => j !== i) };
    else if (file.pages > 1) yield instead({ ...file, pages: file.pages - 1 });
    if (FILE_KINDS.some((kind) => file[kind])) yield instead({ name: file.name, pages: file.pages });
  }
}

/** With one parameter or switch of the machine at its default, unless a machine that is not tiny grows by that. */
function* withoutSetting(program: Program): Iterable<Program> {
  const { geometry = 'tiny', override = {} } = program.machine;
  const sizes: Readonly<Record<string, number>> = GEOMETRIES[geometry];
  for (const group of ['override', 'switches'] as const) {
    const settings = program.machine[group] ?? {};
    for (const name of Object.keys(settings)) {
      if (geometry !== 'tiny' && group === 'override' && override[name] < sizes[name]) continue;
      const { [name]: _, ...rest } = settings;
      yield { ...program, machine: { ...program.machine, [group]: rest } };
    }
  }
}

/** With one size of the machine half as large: where sets of CPUs have shorter words, or lists are full sooner, fewer CPUs or pages may do. */
function* withSmallerSetting(program: Program): Iterable<Program> {
  const { machine } = program;
  for (const [name, size] of Object.entries(machine.override ?? {})) {
    // the digits of levels are sizes of their own
    if (name === 'levels' || size < 2) continue;
    const override = { ...machine.override, [name]: Math.floor(size / 2) };
    yield { ...program, machine: { ...machine, override } };
  }
}

/** The program on those CPUs only on which a task starts, to which one moves or which a device interrupts, numbered afresh. */
function withoutIdleCpus(program: Program): Smaller {
  const { tasks, history, machine } = program;
  const named = [...tasks.map((t) => t.cpu), ...operationsOf(program).flatMap((op) => ('cpu' in op ? [op.cpu] : []))];
  const cpus = [...new Set(named)].sort((a, b) => a - b);
  const moved = (op: Op): Op => ('cpu' in op ? { ...op, cpu: cpus.indexOf(op.cpu) } : op);
  return {
    cpus,
    program: {
      ...program,
      machine: { ...machine, cpus: cpus.length },
      tasks: tasks.map((t) => ({ ...t, cpu: cpus.indexOf(t.cpu), ops: t.ops.map(moved) })),
      history: history.map(({ task, op }) => ({ task, op: moved(op) })),
    },
  };
}

function withOps(program: Program, task: number, ops: Op[]): Program {
  return { ...program, tasks: program.tasks.map((t, i) => (i === task ? { ...t, ops } : t)) };
}

function usesTask(program: Program, name: string): boolean {
  return operationsOf(program).some((op) => (op.do === 'fork' || op.do === 'wake') && op.task === name);
}

function operationsOf({ history, tasks }: Program): Op[] {
  return [...history.map((h) => h.op), ...tasks.flatMap((t) => t.ops)];
}
