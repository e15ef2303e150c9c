/** Operations in flight: who began what and whether it has returned. An operation is identified by (count, task, depth). */
import type { Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { MmId, TaskId } from '../kernel/types.ts';
import type { Ghost } from './ghost.ts';
import { OP_DEPTH } from './tables.ts';

/** Kinds of operations, by number. */
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
} as const;
export type OpKind = (typeof OP)[keyof typeof OP];

const NAMES = Object.fromEntries(Object.entries(OP).map(([name, kind]) => [kind, name])) as Record<number, string>;

/** The name that reports use; DONTNEED is what `madvise` means today. */
export function opName(kind: OpKind): string {
  return NAMES[kind] ?? 'nothing';
}

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
}

/** An operation in flight, as its row and depth. */
export interface OpRef {
  readonly task: TaskId;
  readonly depth: number;
}

export class Operations {
  constructor(private readonly ghost: Ghost) {}

  begin(cpu: Cpu, kind: OpKind, args: OpArguments): OpRef {
    const { task: t, global } = this.ghost.g;
    const task = cpu.current;
    const depth = t.depth.peek(task);
    if (depth >= OP_DEPTH) throw new Error(`task ${task} has more than ${OP_DEPTH} operations in flight`);
    const count = t.begun.peek(task, depth) + 1;
    t.begun.put(task, count, depth);
    t.kind.put(task, kind, depth);
    t.begunAt.put(task, this.ghost.now, depth);
    t.mm.put(task, args.mm, depth);
    t.from.put(task, args.from, depth);
    t.pages.put(task, args.pages, depth);
    t.rights.put(task, args.rights, depth);
    t.to.put(task, args.to, depth);
    t.toPages.put(task, args.toPages, depth);
    t.fixed.put(task, args.fixed ? 1 : 0, depth);
    t.writesBefore.put(task, global.writes.peek(0), depth);
    // last, so that another thread that sees the operation sees all of it
    t.op.store(task, this.identity(task, depth, count), depth);
    t.depth.put(task, depth + 1);
    return { task, depth };
  }

  /** The innermost operation of the task, about to end. */
  innermost(cpu: Cpu): OpRef {
    return { task: cpu.current, depth: this.ghost.g.task.depth.peek(cpu.current) - 1 };
  }

  /** It has returned. */
  end(op: OpRef): void {
    const { task: t } = this.ghost.g;
    t.op.store(op.task, 0, op.depth);
    t.depth.put(op.task, op.depth);
  }

  /** Identity of what the task does now, innermost; 0 if it does nothing. */
  current(task: TaskId): number {
    const depth = this.ghost.g.task.depth.peek(task);
    return depth === 0 ? 0 : this.ghost.g.task.op.peek(task, depth - 1);
  }

  /** Has the operation of that identity returned? Nobody's (0) never has: what it covers stays covered. */
  returned(identity: number): boolean {
    if (identity === 0) return false;
    const { task, depth } = this.refOf(identity);
    return this.ghost.g.task.op.load(task, depth) !== identity;
  }

  /** Kind of the operation while its row has not been used again for another one at that depth. */
  kindOf(identity: number): OpKind | 0 {
    if (identity === 0) return 0;
    const { task, depth } = this.refOf(identity);
    const { task: t } = this.ghost.g;
    const same = this.identity(task, depth, t.begun.peek(task, depth)) === identity;
    return same ? (t.kind.peek(task, depth) as OpKind) : 0;
  }

  refOf(identity: number): OpRef {
    const slot = identity % (this.rows * OP_DEPTH);
    return { task: Math.floor(slot / OP_DEPTH) as TaskId, depth: slot % OP_DEPTH };
  }

  private get rows(): number {
    return this.ghost.geometry.cpus + this.ghost.geometry.tasks;
  }

  private identity(task: TaskId, depth: number, count: number): number {
    const rows = this.rows * OP_DEPTH;
    return (count % Math.floor(0x7fffffff / rows)) * rows + task * OP_DEPTH + depth;
  }
}
