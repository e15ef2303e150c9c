/** The CPU as kernel code sees it: the hardware's handle plus the kernel's words and its routines. */
import { LogicalCpu } from '../hardware/logical-cpu.ts';
import type { Readings } from '../memory/step-record.ts';
import type { Columns, Table } from '../memory/table.ts';
import type { Kernel } from './kernel.ts';
import type { Observer } from './observer.ts';
import type { KERNEL_TABLES } from './tables.ts';
import type { TaskId } from './types.ts';

type ColumnsOf<T> = T extends Table<infer R, infer _S, infer F> ? Columns<R, F> : never;

/** The kernel's columns, bound to one memory. */
export type KernelColumns = { readonly [K in keyof typeof KERNEL_TABLES]: ColumnsOf<(typeof KERNEL_TABLES)[K]> };

/** The kernel found itself in a state that it asserts never to be in (BUG_ON, VM_BUG_ON, lockdep). */
export class KernelBug extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'KernelBug';
  }
}

const NO_TASK = -1 as TaskId;

export class Cpu extends LogicalCpu {
  declare observer: Observer | undefined;
  /** The task this handle belongs to: Linux `current`. */
  current: TaskId = NO_TASK;
  /** Every kernel routine. Calls go through this record, so that patches, policies and tracing can stand in. */
  kernel!: Kernel;
  /** 0 in user mode; raised by system calls, faults and interrupts. */
  kernelDepth = 0;
  /** The task to run next on this CPU, set by `switchTo` for the driver; NO_TASK otherwise. */
  next: TaskId = NO_TASK;

  // the columns of the kernel's tables, bound by `bindKernel`
  mm!: KernelColumns['mm'];
  vma!: KernelColumns['vma'];
  folio!: KernelColumns['folio'];
  inode!: KernelColumns['inode'];
  pageCache!: KernelColumns['pageCache'];
  disk!: KernelColumns['disk'];
  nfsInode!: KernelColumns['nfsInode'];
  nfsServer!: KernelColumns['nfsServer'];
  anonVma!: KernelColumns['anonVma'];
  swap!: KernelColumns['swap'];
  swapDisk!: KernelColumns['swapDisk'];
  slab!: KernelColumns['slab'];
  zone!: KernelColumns['zone'];
  pgdat!: KernelColumns['pgdat'];
  pcp!: KernelColumns['pcp'];
  kernelPages!: KernelColumns['kernelPages'];
  softnet!: KernelColumns['softnet'];
  tlbState!: KernelColumns['tlbState'];
  flushInfo!: KernelColumns['flushInfo'];
  csd!: KernelColumns['csd'];
  tasks!: KernelColumns['tasks'];
  rq!: KernelColumns['rq'];
  kthread!: KernelColumns['kthread'];
  parking!: KernelColumns['parking'];
  rcu!: KernelColumns['rcu'];
  rcuState!: KernelColumns['rcuState'];
  tlbUbc!: KernelColumns['tlbUbc'];
  kcount!: KernelColumns['kcount'];
  uprobe!: KernelColumns['uprobe'];
  deviceMemory!: KernelColumns['deviceMemory'];
  cpuMasks!: KernelColumns['cpuMasks'];
  cpuhp!: KernelColumns['cpuhp'];
  stopMachine!: KernelColumns['stopMachine'];
  /** Columns of the tables that policy and patches declared, by table name; typed by `wordsOf`. */
  extra: Readonly<Record<string, unknown>> = {};

  bindKernel(kernel: Kernel, columns: KernelColumns, extra: Readonly<Record<string, unknown>>): void {
    this.kernel = kernel;
    Object.assign(this, columns);
    this.extra = extra;
  }

  /** What the routine has learned so far, for `startsOver`; only while a record is kept. */
  knows(): Readings | undefined {
    return this.mem.record?.readings(this.current);
  }
  /** The routine tries again, and keeps nothing of what it has learned since it knew `known`: a search sees that it is where it was. */
  startsOver(known: Readings | undefined): void {
    this.mem.record?.setReadings(this.current, known);
  }

  /**
   * Linux switch_to(): `yield cpu.switchTo(next)` suspends this task; the driver goes on with `next` on this CPU. It
   * resumes when some CPU switches back to it, possibly another one: then `cpu.id` has changed.
   */
  switchTo(next: TaskId): undefined {
    this.next = next;
    return undefined;
  }

  /** The columns of a table that a policy or patch declared. */
  wordsOf<T extends { name: string }>(table: T): ColumnsOf<T> {
    return this.extra[table.name] as ColumnsOf<T>;
  }

  /** @throws KernelBug, which ends the run with the harm `kernel-assert`. */
  bug(message: string): never {
    throw new KernelBug(message);
  }
}
