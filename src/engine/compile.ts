/** Programs made ready to run: names become numbers, every operation the same flat shape. */
import type { Geometry } from '../hardware/geometry.ts';
import {
  type AllocContext,
  FAST_NODE,
  type FileId,
  IN_TASK,
  IRQS_OFF,
  MADV_COLD,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_PAGEOUT,
  type NodeId,
  NUMA_NO_NODE,
  type TaskId,
  UNDER_SPINLOCK,
  VM_EXEC,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
} from '../kernel/types.ts';
import type { PolicyThread } from '../policy/threads.ts';
import { type PerCpuThread, perCpuThreads } from '../program/hotplug.ts';
import { type OpKind, opKind } from '../program/op-kind.ts';
import type { Advice, FileKind, Op, OpName, Program, Prot, TaskProgram } from '../program/program.ts';
import type { Menu } from './machine-plan.ts';
import { REGISTERS } from './tables.ts';

/** One operation, flat. Fields that an operation does not use are 0, or -1 where 0 would mean something. */
export interface Instruction {
  readonly do: OpName;
  readonly page: number;
  readonly pages: number;
  readonly word: number;
  /** Value of a store; -1: a fresh value of its own. */
  readonly value: number;
  /** VM_* bits. */
  readonly rights: number;
  readonly fixed: boolean;
  readonly populate: boolean;
  readonly write: boolean;
  readonly fast: boolean;
  /** Pages are write-protected, or no longer are. */
  readonly on: boolean;
  /** Target page of mremap, or -1. */
  readonly to: number;
  readonly newPages: number;
  /**
   * Task row of fork or wake, or whose memory is reclaimed or migrated; flag of post or await, CPU of move, device or
   * hotplug, cycles of compute.
   */
  readonly target: number;
  /** Node of kswapd, compact or migrate. */
  readonly node: NodeId;
  /** Row of the file, 0 if none; page of it that an mmap starts with. For file operations `page` is a page of the file. */
  readonly file: number;
  readonly offset: number;
  /** Migration flushes each entry at once; compaction waits for folios that are busy. */
  readonly sync: boolean;
  /** A probe is taken away. */
  readonly off: boolean;
  /** Task row of whose memory the second page of a merge is; the page is `to`. */
  readonly partner: number;
  /** Pages of the kernel are allocated with interrupts off. */
  readonly context: AllocContext;
  /** read(2) and write(2) past the page cache. */
  readonly direct: boolean;
  readonly kind: OpKind;
  /** Advice of madvise. */
  readonly advice: number;
  /** Register that a load fills, or -1. */
  readonly register: number;
}

export interface CompiledTask {
  readonly name: string;
  readonly id: TaskId;
  readonly cpu: number;
  readonly mm: number;
  readonly kthread: boolean;
  /** The node whose daemon it is, or NUMA_NO_NODE. */
  readonly kswapd: NodeId;
  /** What it does instead of operations, if it is a thread of the policy. */
  readonly thread: PolicyThread | undefined;
  /** The same of a thread of CPU hotplug. */
  readonly perCpu: PerCpuThread | undefined;
  readonly forked: boolean;
  readonly priority: number;
  readonly code: readonly Instruction[];
  /** What it may do behind that, and how often. */
  readonly menu: readonly Instruction[];
  readonly more: number;
}

export interface CompiledProgram {
  /** The program's, behind them the threads of the policy, and of CPU hotplug. */
  readonly tasks: readonly CompiledTask[];
  readonly history: readonly { readonly task: TaskId; readonly op: Instruction }[];
  readonly mms: number;
  readonly rounds: number;
  /** Length in pages of each file, the first in row 1. */
  readonly files: readonly number[];
  /** Rows of those that are a server's. */
  readonly remote: readonly FileId[];
  /** Rows of those of a FUSE file system. */
  readonly fuse: readonly FileId[];
  /** Rows of those that lie in memory alone. */
  readonly memory: readonly FileId[];
  /** Rows of those that are block devices, and of those written by iomap. */
  readonly blockdev: readonly FileId[];
  readonly iomap: readonly FileId[];
  /** Rows of those that stand for devices. */
  readonly devices: readonly FileId[];
  /** `registers[taskIndex][name]` is the number of a register. */
  readonly registers: readonly ReadonlyMap<string, number>[];
}

const NO_MENU: Menu = { ops: [], more: [] };

const RIGHTS: Record<Prot, number> = {
  none: 0,
  r: VM_READ,
  rw: VM_READ | VM_WRITE,
  rx: VM_READ | VM_EXEC,
  rwx: VM_READ | VM_WRITE | VM_EXEC,
};

const CONTEXT = { task: IN_TASK, irqoff: IRQS_OFF, locked: UNDER_SPINLOCK } as const;

const ADVICE: Record<Advice, number> = {
  dontneed: MADV_DONTNEED,
  free: MADV_FREE,
  cold: MADV_COLD,
  pageout: MADV_PAGEOUT,
};

/** Compiles a program that the schema has accepted; `geometry` gives the rows of its tasks, `threads` come with the policy. */
export function compileProgram(
  program: Program,
  geometry: Geometry,
  threads: readonly PolicyThread[] = [],
  menu: Menu = NO_MENU,
): CompiledProgram {
  const rows = new Map(program.tasks.map((t, i) => [t.name, (geometry.cpus + i) as TaskId]));
  const flags = new Map<string, number>();
  const registers = program.tasks.map(() => new Map<string, number>());
  const numberOf = (names: Map<string, number>, name: string, limit: number): number => {
    const known = names.get(name) ?? names.size;
    if (known >= limit) throw new RangeError(`program ${program.name}: more than ${limit} flags or registers`);
    names.set(name, known);
    return known;
  };
  const { files = [] } = program;
  const rowsOf = (kind: FileKind): FileId[] => files.flatMap((f, i) => (f[kind] ? [(i + 1) as FileId] : []));
  const fileRow = (name: string | undefined): number => files.findIndex((f) => f.name === name) + 1;
  const compile = (op: Op, task: number): Instruction => {
    const any = op as Partial<Record<string, never>> & Op;
    const of = <T>(key: string, otherwise: T): T =>
      ((any as Record<string, unknown>)[key] as T | undefined) ?? otherwise;
    const prot = of<Prot | undefined>('prot', undefined);
    const target =
      op.do === 'fork' || op.do === 'wake'
        ? (rows.get(op.task) ?? -1)
        : op.do === 'post' || op.do === 'await'
          ? numberOf(flags, op.flag, geometry.flags)
          : op.do === 'reclaim' || op.do === 'migrate' || op.do === 'ksm'
            ? (rows.get(op.of ?? program.tasks[task].name) ?? -1)
            : of('cpu', of('cycles', 0));
    const into = of<string | undefined>('into', undefined);
    return {
      do: op.do,
      page: of('page', 0),
      // nothing is left of what is revoked
      pages: op.do === 'revoke' ? 0 : of('pages', 1),
      word: of('word', 0),
      value: of('value', -1),
      rights: (prot ? RIGHTS[prot] : 0) | (of('shared', false) ? VM_SHARED : 0),
      fixed: of('fixed', false),
      populate: of('populate', false),
      write: of('write', false),
      fast: of('fast', false),
      on: of('on', false),
      file: fileRow(of<string | undefined>('file', undefined)),
      offset: of('offset', 0),
      sync: of('sync', false),
      direct: of('direct', false),
      context: CONTEXT[(op.do === 'kalloc' && op.context) || 'task'],
      kind: opKind(op),
      advice: op.do === 'madvise' ? ADVICE[op.advice] : 0,
      off: of('off', false),
      partner: op.do === 'ksm' ? (rows.get(op.withOf ?? program.tasks[task].name) ?? -1) : -1,
      to: of('to', of('with', -1)),
      newPages: of('newPages', of('pages', 1)),
      target,
      node: of('node', 0) as NodeId,
      register: into === undefined ? -1 : numberOf(registers[task], into, REGISTERS),
    };
  };
  const tasks = program.tasks.map((t, i) => ({
    name: t.name,
    id: (geometry.cpus + i) as TaskId,
    cpu: t.cpu,
    mm: t.kthread || t.forkedBy !== undefined ? 0 : (t.mm ?? 0) + 1,
    kthread: t.kthread ?? false,
    kswapd: daemonOf(t),
    thread: undefined,
    perCpu: undefined,
    forked: t.forkedBy !== undefined,
    priority: t.priority ?? 0,
    code: t.ops.map((op) => compile(op, i)),
    menu: menu.ops.map((op) => compile(op, i)),
    more: menu.more[i] ?? 0,
  }));
  const history = program.history.map((h) => {
    const index = program.tasks.findIndex((t) => t.name === h.task);
    return { task: tasks[index].id, op: compile(h.op, index) };
  });
  const first = geometry.cpus + tasks.length;
  return {
    tasks: [
      ...tasks,
      ...threads.map((thread, i) => threadTask(thread, (first + i) as TaskId, geometry.cpus)),
      ...perCpuThreads(program).map((t, i) => perCpuTask(t, (first + threads.length + i) as TaskId)),
    ],
    history,
    mms: Math.max(0, ...tasks.map((t) => t.mm)),
    rounds: program.rounds ?? 1,
    files: files.map((f) => f.pages),
    remote: rowsOf('remote'),
    fuse: rowsOf('fuse'),
    memory: rowsOf('memory'),
    blockdev: rowsOf('blockdev'),
    iomap: rowsOf('iomap'),
    devices: rowsOf('device'),
    registers,
  };
}

const KERNEL_THREAD = {
  mm: 0,
  kthread: true,
  kswapd: NUMA_NO_NODE,
  thread: undefined,
  perCpu: undefined,
  forked: false,
  code: [],
  menu: [],
  more: 0,
} as const;

function threadTask(thread: PolicyThread, id: TaskId, cpus: number): CompiledTask {
  const { name, priority = 0, cpu = cpus - 1 } = thread;
  const on = Math.min(cpu, cpus - 1);
  return { ...KERNEL_THREAD, name, id, cpu: on, thread, priority };
}

/** Stoppers go before everything else. Of hotplug threads that is no rule of Linux: here nothing is to keep them waiting for ever. */
const PRIORITIES = { thread: 1, stopper: 2 } as const;

function perCpuTask(perCpu: PerCpuThread, id: TaskId): CompiledTask {
  const { name, cpu, part } = perCpu;
  return { ...KERNEL_THREAD, name, id, cpu, perCpu, priority: PRIORITIES[part] };
}

/** A daemon does nothing else: the node is in its one operation. */
function daemonOf({ ops }: TaskProgram): NodeId {
  const [op] = ops;
  return op?.do === 'kswapd' ? ((op.node ?? FAST_NODE) as NodeId) : NUMA_NO_NODE;
}
