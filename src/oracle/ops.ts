/**
 * Operations in flight: who began what and whether it has returned. A task has a stack of them; an operation is named by
 * (task, depth) while it is in flight, and by its identity, made of (count, task, depth), at any time.
 */
import type { Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { MmId, TaskId } from '../kernel/types.ts';
import type { Column } from '../memory/table.ts';
import type { Ghost } from './ghost.ts';
import { OP_DEPTH } from './tables.ts';

/** Kinds of operations, by number. Those from mmap on are system calls. */
export const OP = {
  load: 1,
  store: 2,
  fetch: 3,
  fault: 4,
  interrupt: 5,
  mmap: 6,
  munmap: 7,
  mprotect: 8,
  mremap: 9,
  madvise: 10,
  fork: 11,
  exit: 12,
  other: 13,
  read: 14,
  write: 15,
  truncate: 16,
  fsync: 17,
  reclaim: 18,
  migrate: 19,
  numascan: 20,
  /** MADV_FREE; `madvise` is DONTNEED. */
  free: 21,
  msync: 22,
  gup: 23,
  compact: 24,
  open: 25,
  close: 26,
  lock: 27,
  unlock: 28,
  /** The write of another client, at the server. */
  remote: 29,
  /** read(2) and write(2) past the page cache. */
  directRead: 30,
  directWrite: 31,
  punch: 32,
  dropcache: 33,
  clearrefs: 34,
  /** Write protection for a userfaultfd; its end is `other`. */
  uffdwp: 35,
  pagemap: 36,
  uprobe: 37,
  ksm: 38,
  revoke: 39,
  /** What the daemon of a FUSE file says: a word has changed, and goes into the page cache; pages are to be dropped there. */
  notifystore: 40,
  notifyinval: 41,
} as const;
export type OpKind = (typeof OP)[keyof typeof OP];

/** Calls behind whose return the disk, or the server, has what had been stored before they began; a lock writes back, too. */
export const SYNCS: readonly OpKind[] = [OP.fsync, OP.close, OP.lock, OP.unlock];

const NAMES = Object.fromEntries(Object.entries(OP).map(([name, kind]) => [kind, name])) as Record<number, string>;

/** The name that reports use; DONTNEED is what `madvise` means today. */
export function opName(kind: OpKind): string {
  return NAMES[kind] ?? 'nothing';
}

/** Does it change what a program may do or find, or is it an access, a fault, an interrupt? */
export function isSystemCall(kind: OpKind): boolean {
  return kind >= OP.mmap;
}

/** What a system call was asked for; accesses, faults and interrupts have nothing to say here. */
export interface OpArguments {
  readonly mm: MmId;
  readonly from: Vpn;
  readonly pages: number;
  /** VM_* bits that the range has after the operation. */
  readonly rights: number;
  /** Target page of mremap, or -1. */
  readonly to: number;
  readonly toPages: number;
  readonly fixed: boolean;
  readonly populate: boolean;
  /** The file of a file operation or a mapping, 0 if none; `from` is then a page of the file for all but mmap. */
  readonly file: number;
  /** mmap: page of the file that `from` maps. */
  readonly pgoff: number;
}

/** Of an operation whose range the oracle need not know. */
export const NO_ARGUMENTS: OpArguments = {
  mm: 0 as MmId,
  from: 0 as Vpn,
  pages: 0,
  rights: 0,
  to: -1,
  toPages: 0,
  fixed: false,
  populate: false,
  file: 0,
  pgoff: 0,
};

/** What is kept of the beginning of an operation, and of what it was asked for. */
const TIMES = ['since', 'writesBefore'] as const;
const ASKED = [
  ...(['endsBefore', 'mm', 'from', 'pages', 'rights', 'to', 'toPages'] as const),
  ...(['fixed', 'populate', 'file', 'pgoff', 'placed', 'opened'] as const),
];

export class Operations {
  /** Identities are below 2^31: a count wraps after that many. */
  private readonly slots: number;
  private readonly counts: number;
  private readonly times: readonly Column<TaskId>[];
  private readonly asked: readonly Column<TaskId>[];

  constructor(private readonly ghost: Ghost) {
    this.slots = (ghost.geometry.cpus + ghost.geometry.tasks) * OP_DEPTH;
    this.counts = Math.floor(0x7fffffff / this.slots);
    const { task } = ghost.g;
    this.times = TIMES.map((name) => task[name]);
    this.asked = [...TIMES, ...ASKED].map((name) => task[name]);
  }

  /** Begins an operation of the running task; returns its depth. */
  begin(cpu: Cpu, kind: OpKind, args: OpArguments): number {
    const { task: t, global } = this.ghost.g;
    const task = cpu.current;
    const depth = t.depth.peek(task);
    if (depth >= OP_DEPTH) throw new Error(`task ${task} has more than ${OP_DEPTH} operations in flight`);
    const count = t.count.peek(task, depth) + 1;
    t.count.put(task, count, depth);
    t.kind.put(task, kind, depth);
    // nobody asks it of an interrupt, or of a fault how many writes there had been
    if (kind !== OP.interrupt) t.since.put(task, global.clock.load(0), depth);
    const counts = kind !== OP.interrupt && kind !== OP.fault && !this.ghost.options.threads;
    if (counts) t.writesBefore.put(task, global.writes.peek(0), depth);
    if (isSystemCall(kind)) this.keep(task, depth, args);
    // last, so that another thread that sees the operation sees all of it
    t.op.store(task, this.identity(task, depth, count), depth);
    t.depth.put(task, depth + 1);
    return depth;
  }

  /** Depth of the innermost operation of the task; -1 if it has none. */
  innermost(task: TaskId): number {
    return this.ghost.g.task.depth.peek(task) - 1;
  }

  /** The innermost one of the task, at this depth, has returned. */
  end(task: TaskId, depth: number): void {
    const { task: t } = this.ghost.g;
    t.op.store(task, 0, depth);
    t.depth.put(task, depth);
    // who has returned is asked by other threads, and what it was
    if (!this.ghost.options.threads) this.forget(task, depth);
  }

  /** Identity of what the task does now, innermost; 0 if it does nothing. */
  current(task: TaskId): number {
    const depth = this.innermost(task);
    return depth < 0 ? 0 : this.ghost.g.task.op.peek(task, depth);
  }

  /** The same, for one who keeps it: it will name this operation and no later one. */
  kept(task: TaskId): number {
    const depth = this.innermost(task);
    if (depth >= 0) this.ghost.g.task.named.put(task, 1, depth);
    return this.current(task);
  }

  /** Has the operation of that identity returned? Nobody's (0) never has: what it covers stays covered. */
  returned(identity: number): boolean {
    return identity !== 0 && this.ghost.g.task.op.load(this.taskOf(identity), this.depthOf(identity)) !== identity;
  }

  /** Kind of the operation while its slot has not been used again for another one; then 0. */
  kindOf(identity: number): OpKind | 0 {
    if (identity === 0) return 0;
    const { task: t } = this.ghost.g;
    const task = this.taskOf(identity);
    const depth = this.depthOf(identity);
    const same = this.identity(task, depth, t.count.peek(task, depth)) === identity;
    return same ? (t.kind.peek(task, depth) as OpKind) : 0;
  }

  taskOf(identity: number): TaskId {
    return Math.floor((identity % this.slots) / OP_DEPTH) as TaskId;
  }
  depthOf(identity: number): number {
    return (identity % this.slots) % OP_DEPTH;
  }

  /**
   * Nothing of an operation that has returned is asked for again but its kind, by those who keep its identity. What has no
   * meaning any more is 0, so that states that differ by nothing else are one, and an identity that nobody keeps is had again.
   */
  private forget(task: TaskId, depth: number): void {
    const { task: t } = this.ghost.g;
    const kind = t.kind.peek(task, depth) as OpKind;
    for (const field of isSystemCall(kind) || kind === OP.fault ? this.asked : this.times) {
      if (field.peek(task, depth) !== 0) field.put(task, 0, depth);
    }
    if (t.named.peek(task, depth) !== 0) t.named.put(task, 0, depth);
    else {
      t.count.put(task, t.count.peek(task, depth) - 1, depth);
      t.kind.put(task, 0, depth);
    }
  }

  private keep(task: TaskId, depth: number, args: OpArguments): void {
    const { task: t } = this.ghost.g;
    t.mm.put(task, args.mm, depth);
    t.from.put(task, args.from, depth);
    t.pages.put(task, args.pages, depth);
    t.rights.put(task, args.rights, depth);
    t.to.put(task, args.to, depth);
    t.toPages.put(task, args.toPages, depth);
    t.fixed.put(task, args.fixed ? 1 : 0, depth);
    t.populate.put(task, args.populate ? 1 : 0, depth);
    t.file.put(task, args.file, depth);
    t.pgoff.put(task, args.pgoff, depth);
    t.placed.put(task, 0, depth);
    t.opened.put(task, 0, depth);
  }

  private identity(task: TaskId, depth: number, count: number): number {
    return (count % this.counts) * this.slots + task * OP_DEPTH + depth;
  }
}
