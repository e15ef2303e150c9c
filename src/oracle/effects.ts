/** What an operation changes for programs when it begins and when it has returned: rights, content, what pages show. */
import type { Cpu } from '../kernel/cpu.ts';
import { type MmId, type TaskId, VM_READ, VM_WRITE } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import type { Children } from './children.ts';
import { Discards } from './discards.ts';
import type { FileContent } from './file-content.ts';
import type { Ghost } from './ghost.ts';
import { isSystemCall, OP, type OpKind } from './ops.ts';
import type { ProbedPages } from './probed-pages.ts';
import type { Rights } from './rights.ts';
import type { Tracking } from './tracking.ts';
import type { Versions } from './versions.ts';

export class Effects {
  private readonly discards: Discards;

  constructor(
    private readonly ghost: Ghost,
    private readonly rights: Rights,
    private readonly versions: Versions,
    private readonly children: Children,
    private readonly backing: Backing,
    private readonly files: FileContent,
    private readonly tracking: Tracking,
    private readonly probed: ProbedPages,
  ) {
    this.discards = new Discards(ghost, backing);
  }

  /** The operation at `depth` of the running task begins. `mm`: the address space that a system call is about. */
  begin(cpu: Cpu, kind: OpKind, mm: MmId, depth: number): void {
    const task = cpu.current;
    const { threads } = this.ghost.options;
    if (!isSystemCall(kind)) {
      if (kind === OP.fault && !threads) this.files.faultBegins(cpu, depth);
      return;
    }
    this.rights.begin(kind, task, depth);
    if (kind === OP.fork) this.children.forkBegins(mm);
    else if (!threads) {
      this.relies(kind, task, depth);
      this.discards.begin(kind, task, depth);
      this.backing.begin(kind, task, depth);
      this.files.begin(kind, task, depth);
      this.tracking.begin(kind, task, depth);
      this.probed.begin(kind, task, depth);
    }
  }

  /** It has returned `result`; a fork, the address space `child`. */
  end(cpu: Cpu, kind: OpKind, depth: number, result: number, child: MmId): void {
    const task = cpu.current;
    const { threads } = this.ghost.options;
    if (!isSystemCall(kind)) {
      if (kind === OP.fault && !threads) this.files.faults(task, depth, false);
      return;
    }
    this.rights.end(kind, task, depth, result);
    if (kind === OP.fork) this.children.forkEnds(this.ghost.g.task.mm.peek(task, depth) as MmId, child);
    else if (!threads) {
      this.discards.end(kind, task, depth, result);
      this.backing.end(kind, task, depth, result);
      this.files.end(kind, task, depth, result);
      this.tracking.end(kind, task, depth);
      this.probed.end(kind, task, depth, result);
      if (result >= 0) this.settle(kind, task, depth, result);
    }
  }

  /** The call begins. Whoever sees it return will rely on what it takes away having gone by the ends of versions until now. */
  private relies(kind: OpKind, task: TaskId, depth: number): void {
    const { task: t, global } = this.ghost.g;
    if (!this.takesAway(kind, task, depth)) return;
    const mm = t.mm.peek(task, depth) as MmId;
    // where an mremap goes may not be known yet
    const ends =
      kind === OP.mremap
        ? global.ends.peek(0)
        : this.versions.endsOf(mm, t.from.peek(task, depth), t.pages.peek(task, depth));
    t.endsBefore.put(task, ends, depth);
  }

  /** Does the call take pages away, or rights to them? */
  private takesAway(kind: OpKind, task: TaskId, depth: number): boolean {
    const { task: t } = this.ghost.g;
    if (kind === OP.mmap) return t.fixed.peek(task, depth) === 1;
    if (kind === OP.mprotect) return (t.rights.peek(task, depth) & VM_WRITE) === 0;
    return kind === OP.munmap || kind === OP.madvise || kind === OP.mremap;
  }

  /** It has returned. Of an mremap, that is where the mapping was, and what it replaces. */
  private settle(kind: OpKind, task: TaskId, depth: number, result: number): void {
    const { task: t } = this.ghost.g;
    const mm = t.mm.peek(task, depth) as MmId;
    const from = t.from.peek(task, depth);
    const pages = t.pages.peek(task, depth);
    const since = t.endsBefore.peek(task, depth);
    if (kind === OP.mremap) {
      if (result === from) return;
      this.versions.settle(mm, from, pages, since);
      this.versions.settle(mm, result, t.toPages.peek(task, depth), since);
      return;
    }
    if (!this.takesAway(kind, task, depth)) return;
    const storesOnly = kind === OP.mprotect && (t.rights.peek(task, depth) & VM_READ) !== 0;
    this.versions.settle(mm, from, pages, since, storesOnly);
  }
}
