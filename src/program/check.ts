/** What the shape of a program cannot say: names that must exist, ranges that must fit, tasks that must be started. */
import { BadInput } from './bad-input.ts';
import { checkDevices, checkFiles, checkRemote } from './check-files.ts';
import { checkWaits } from './check-waits.ts';
import { allOps, type Fail, type Limits } from './check-walk.ts';
import type { Op, Program, TaskProgram } from './program.ts';

export type { Limits } from './check-walk.ts';

/** Operations that concern no memory. */
const ANYBODYS_OPS: readonly Op['do'][] = ['yield', 'sleep', 'wake', 'post', 'await', 'move', 'compute'];
/** Operations that a kernel thread may do: it has no address space of its own. */
const KTHREAD_OPS: readonly Op['do'][] = [
  ...ANYBODYS_OPS,
  ...(['fsync', 'reclaim', 'migrate', 'pfnwalk', 'compact', 'kswapd', 'kalloc', 'kfree', 'device'] as const),
  ...(['uprobe', 'ksm', 'revoke', 'offline', 'online'] as const),
];
/** A server has no part in the kernel of the machine. */
const SERVER_OPS: readonly Op['do'][] = [...ANYBODYS_OPS, 'remote', 'notifystore', 'notifyinval'];

/**
 * Checks what a well-shaped program says about itself.
 * @param place turns a path such as `tasks[1].ops[0].page` into the place that the message names
 * @throws BadInput for the first thing that is wrong
 */
export function checkProgram(program: Program, limits: Limits, place: (path: string) => string): void {
  const fail = (path: string, what: string, expected: string): never => {
    throw new BadInput({ what, where: place(path), expected });
  };
  const byName = checkTasks(program, fail);
  checkForks(program, byName, fail);
  checkExits(program, fail);
  checkFiles(program, limits, fail);
  checkRemote(program, fail);
  checkDevices(program, fail);
  checkDuties(program, byName, fail);
  checkWaits(program, fail);
  checkNodes(program, fail);
  const pages = limits.pages ?? 2 ** 32;
  for (const { op, path, task } of allOps(program)) {
    const allowed = task.server ? SERVER_OPS : task.kthread ? KTHREAD_OPS : undefined;
    if (allowed && !allowed.includes(op.do)) {
      const who = task.server ? 'server' : 'kernel thread';
      fail(`${path}.do`, `"${op.do}" of ${who} ${task.name}`, `one of ${allowed.join(', ')}`);
    }
    checkRange(op, pages, path, fail);
    if (op.do === 'gup') checkGup(op, path, fail);
    if (op.do === 'uprobe' && op.off && op.value !== undefined) {
      fail(`${path}.value`, `${op.value}`, 'no value of a probe that is taken away');
    }
    if (op.do === 'wake' && !byName.has(op.task)) unknownTask(`${path}.task`, op.task, program, fail);
    if ('cpu' in op && op.cpu >= program.machine.cpus) badCpu(`${path}.cpu`, op.cpu, program, fail);
  }
  checkFinal(program, byName, fail);
}

/** Words that begin other statements of litmus text. */
const NO_TASK_NAMES = ['machine', 'override', 'switches', 'rounds', 'file'];

/** Whose memory is reclaimed or migrated: a kernel thread has none of its own. */
function checkDuties(program: Program, byName: ByName, fail: Fail): void {
  for (const { op, path, task } of allOps(program)) {
    if (op.do === 'ksm') checkMerge(op, { path, task, byName }, program, fail);
    if (op.do !== 'reclaim' && op.do !== 'migrate') continue;
    if (op.of !== undefined) {
      if (op.file !== undefined) fail(`${path}.of`, `"${op.of}"`, 'nothing where pages of a file are named');
      const owner = byName.get(op.of) ?? unknownTask(`${path}.of`, op.of, program, fail);
      if (owner.kthread) fail(`${path}.of`, `kernel thread "${op.of}"`, 'a task with an address space');
    } else if (op.file === undefined && task.kthread) {
      fail(path, `${op.do} of kernel thread ${task.name}`, 'a page of a file, or "of" and a task whose memory it is');
    }
  }
}

/** Two pages, each of an address space that there is. */
function checkMerge(
  op: Op & { do: 'ksm' },
  { path, task, byName }: { path: string; task: TaskProgram; byName: ByName },
  program: Program,
  fail: Fail,
): void {
  for (const key of ['of', 'withOf'] as const) {
    const name = op[key] ?? task.name;
    const owner = byName.get(name) ?? unknownTask(`${path}.${key}`, name, program, fail);
    if (owner.kthread) fail(`${path}.${key}`, `kernel thread "${name}"`, 'a task with an address space');
  }
  const same = (op.of ?? task.name) === (op.withOf ?? task.name) && op.page === op.with;
  if (same) fail(`${path}.with`, `page ${op.with}`, 'another page');
}

/** Nodes are nodes of the machine; a daemon is a kernel thread of its own, in which nothing else can stand. */
function checkNodes(program: Program, fail: Fail): void {
  const { nodes = 1 } = program.machine.override ?? {};
  const daemons: number[] = [];
  for (const { op, path, task } of allOps(program)) {
    if (op.do !== 'kswapd' && op.do !== 'migrate' && op.do !== 'compact') continue;
    const { node = 0 } = op;
    if (node >= nodes) fail(`${path}.node`, `node ${node}`, `0 to ${nodes - 1}, the machine's nodes`);
    if (op.do !== 'kswapd') continue;
    if (path.startsWith('history')) fail(`${path}.do`, '"kswapd" in the history', 'the concurrent part: it never ends');
    if (!task.kthread || task.ops.length > 1) fail(`${path}.do`, '"kswapd"', 'a kernel thread that does nothing else');
    if (daemons.includes(node)) fail(path, `second daemon of node ${node}`, 'one for each node');
    daemons.push(node);
  }
}

type ByName = ReadonlyMap<string, TaskProgram>;

function checkTasks(program: Program, fail: Fail): ByName {
  const byName = new Map<string, TaskProgram>();
  program.tasks.forEach((task, i) => {
    const path = `tasks[${i}]`;
    if (byName.has(task.name)) fail(`${path}.name`, `second task named "${task.name}"`, 'a name of its own');
    if (NO_TASK_NAMES.includes(task.name)) {
      fail(`${path}.name`, `"${task.name}"`, `a name other than ${NO_TASK_NAMES.join(', ')}`);
    }
    if (task.cpu >= program.machine.cpus) badCpu(`${path}.cpu`, task.cpu, program, fail);
    if (task.kthread && task.forkedBy !== undefined) {
      fail(`${path}.forkedBy`, 'kernel thread that is forked', 'a kernel thread without forkedBy');
    }
    byName.set(task.name, task);
  });
  program.history.forEach((h, i) => {
    if (!byName.has(h.task)) unknownTask(`history[${i}].task`, h.task, program, fail);
  });
  return byName;
}

/** A forked task is forked once, by the task it names, and does nothing in the history before that. */
function checkForks(program: Program, byName: ByName, fail: Fail): void {
  const forkedAt = new Map<string, string>();
  const ops = allOps(program);
  for (const { op, path, task } of ops) {
    if (op.do === 'fork') {
      const child = byName.get(op.task);
      if (!child) unknownTask(`${path}.task`, op.task, program, fail);
      else if (child.forkedBy === undefined) {
        fail(`${path}.task`, `task "${op.task}" starts by itself`, `a task with forkedBy: "${task.name}"`);
      } else if (child.forkedBy !== task.name) {
        fail(
          `${path}.task`,
          `task "${op.task}" is forked by "${child.forkedBy}"`,
          `a task with forkedBy: "${task.name}"`,
        );
      }
      if (forkedAt.has(op.task)) {
        fail(path, `second fork of task "${op.task}"`, `one fork of it, which ${forkedAt.get(op.task)} is`);
      }
      forkedAt.set(op.task, path);
    } else if (path.startsWith('history') && task.forkedBy !== undefined && !forkedAt.has(task.name)) {
      fail(path, `task "${task.name}" acts before it is forked`, `a fork of it earlier in the history`);
    }
  }
  program.tasks.forEach((task, i) => {
    if (task.forkedBy === undefined) return;
    if (!byName.has(task.forkedBy)) unknownTask(`tasks[${i}].forkedBy`, task.forkedBy, program, fail);
    if (!forkedAt.has(task.name)) {
      fail(
        `tasks[${i}].forkedBy`,
        `task "${task.name}" is never forked`,
        `an operation of "${task.forkedBy}" that forks it`,
      );
    }
  });
}

/** What exits does nothing afterwards: nobody would come to do it. */
function checkExits(program: Program, fail: Fail): void {
  const exited = new Set<string>();
  for (const { op, path, task } of allOps(program)) {
    if (exited.has(task.name)) fail(path, `task "${task.name}" acts after its exit`, 'nothing behind its exit');
    if (op.do === 'exit') exited.add(task.name);
  }
}

function checkRange(op: Op, limit: number, path: string, fail: Fail): void {
  // pages of files and frames are no pages of the address space
  const ofFile = 'file' in op && op.file !== undefined && op.do !== 'mmap';
  if (!('page' in op) || op.do === 'pfnwalk' || ofFile) return;
  const last = `0 to ${limit - 1} (the address space has ${limit} pages)`;
  const check = (field: string, page: number, pages: number) => {
    if (page >= limit) fail(`${path}.${field}`, `page ${page}`, last);
    if (page + pages > limit) fail(`${path}.${field}`, `pages ${page} to ${page + pages - 1}`, last);
  };
  const pages = ('pages' in op ? op.pages : undefined) ?? 1;
  check('page', op.page, pages);
  if (op.do === 'ksm') check('with', op.with, 1);
  if (op.do === 'mremap' && op.to !== undefined) check('to', op.to, op.newPages ?? pages);
}

/** What is written has a value, what is read goes somewhere. */
function checkGup({ write, value, into }: Op & { do: 'gup' }, path: string, fail: Fail): void {
  if (!write && value !== undefined) fail(`${path}.value`, `${value}`, 'no value of pages that are only read');
  if (write && into !== undefined) fail(`${path}.into`, `"${into}"`, 'no register where pages are written');
}

function checkFinal(program: Program, byName: ByName, fail: Fail): void {
  for (const [i, term] of (program.final?.where ?? []).entries()) {
    const task = byName.get(term.task) ?? unknownTask(`final.where[${i}].task`, term.task, program, fail);
    const history = program.history.filter((h) => h.task === term.task).map((h) => h.op);
    const filled = [...history, ...task.ops].flatMap((op) => ('into' in op && op.into !== undefined ? [op.into] : []));
    if (!filled.includes(term.register)) {
      const expected = filled.length > 0 ? oneOf(filled) : 'a register that a load fills';
      fail(`final.where[${i}].register`, `register "${term.register}" of ${term.task} is never loaded`, expected);
    }
  }
}

function unknownTask(path: string, name: string, program: Program, fail: Fail): never {
  return fail(path, `unknown task "${name}"`, oneOf(program.tasks.map((t) => t.name)));
}

function badCpu(path: string, cpu: number, program: Program, fail: Fail): never {
  return fail(path, `CPU ${cpu}`, `0 to ${program.machine.cpus - 1} (the machine has ${program.machine.cpus})`);
}

function oneOf(names: readonly string[]): string {
  return [...new Set(names)].join(', ');
}
