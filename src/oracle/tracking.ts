/**
 * Trackers of writes: soft-dirty, and write protection for a userfaultfd. A store that began when the last clear, or protection,
 * had returned, and has ended, is told of by each pagemap that begins behind it, until the next clear or protection begins,
 * or the page is taken away. Only for anonymous memory (the mark of a file's page goes with its entry), only in the stepper;
 * nothing is promised to a tracker about a page that mremap moved, or about what a child's parent stored.
 */
import type { Vpn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { MmId, TaskId } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import type { Content } from './content.ts';
import { type Ghost, NO_ACCESS } from './ghost.ts';
import { OP, type OpKind } from './ops.ts';
import type { PageKey } from './tables.ts';

/** Calls behind which nobody has to be told what was stored in their range before. */
const FORGETS: readonly OpKind[] = [OP.mmap, OP.munmap, OP.mremap, OP.madvise, OP.free];

export class Tracking {
  constructor(
    private readonly ghost: Ghost,
    private readonly content: Content,
    private readonly backing: Backing,
  ) {}

  begin(kind: OpKind, task: TaskId, depth: number): void {
    const { task: t, mm: m, page: p } = this.ghost.g;
    const mm = t.mm.peek(task, depth) as MmId;
    const from = t.from.peek(task, depth);
    const pages = t.pages.peek(task, depth);
    if (kind === OP.clearrefs) {
      m.clearing.put(mm, m.clearing.peek(mm) + 1);
      for (const page of this.range(mm, 0, this.ghost.geometry.pages))
        if (p.softDue.peek(page) !== 0) p.softDue.put(page, 0);
    } else if (kind === OP.uffdwp) {
      for (const page of this.range(mm, from, pages)) {
        p.protecting.put(page, p.protecting.peek(page) + 1);
        p.wpDue.put(page, 0);
      }
    } else if (FORGETS.includes(kind)) {
      this.forget(mm, from, pages);
      if (kind === OP.mremap && t.to.peek(task, depth) >= 0) {
        this.forget(mm, t.to.peek(task, depth), t.toPages.peek(task, depth));
      }
    }
  }

  end(kind: OpKind, task: TaskId, depth: number): void {
    const { task: t, mm: m, page: p } = this.ghost.g;
    const mm = t.mm.peek(task, depth) as MmId;
    if (kind === OP.clearrefs) {
      m.clearing.put(mm, m.clearing.peek(mm) - 1);
      m.clearedAt.put(mm, this.ghost.tick());
    } else if (kind === OP.uffdwp) {
      const now = this.ghost.tick();
      for (const page of this.range(mm, t.from.peek(task, depth), t.pages.peek(task, depth))) {
        p.protecting.put(page, p.protecting.peek(page) - 1);
        p.protectedAt.put(page, now);
      }
    }
  }

  /** A store, begun at ghost time `since`, has ended: the last write of all. */
  stored(mm: MmId, page: PageKey, since: number): void {
    const { page: p, mm: m, global } = this.ghost.g;
    if (!this.backing.isPlain(page) || this.content.discardedSince(page, since)) return;
    const seq = global.writes.peek(0);
    if (p.softDue.peek(page) === 0 && m.clearing.peek(mm) === 0 && m.clearedAt.peek(mm) <= since)
      p.softDue.put(page, seq);
    if (p.wpDue.peek(page) === 0 && p.protecting.peek(page) === 0 && p.protectedAt.peek(page) <= since) {
      p.wpDue.put(page, seq);
    }
  }

  /** A pagemap of the running task, begun behind `began` writes, tells of a page. */
  reported(cpu: Cpu, mm: MmId, vpn: Vpn, began: number, softDirty: boolean, written: boolean): void {
    const { softDue, wpDue } = this.ghost.g.page;
    const page = this.ghost.pageKey(mm, vpn);
    if (!softDirty) this.judge(cpu, mm, vpn, softDue.peek(page), began, 'soft-dirty marks were cleared', 'soft-dirty');
    if (!written) this.judge(cpu, mm, vpn, wpDue.peek(page), began, 'it was write-protected', 'written');
  }

  /** A new address space. */
  born(mm: MmId): void {
    const { mm: m, page: p } = this.ghost.g;
    m.clearing.put(mm, 0);
    this.forget(mm, 0, this.ghost.geometry.pages);
    for (const page of this.range(mm, 0, this.ghost.geometry.pages)) {
      if (p.protecting.peek(page) !== 0) p.protecting.put(page, 0);
    }
  }

  private judge(cpu: Cpu, mm: MmId, vpn: Vpn, due: number, began: number, since: string, mark: string): void {
    if (due === 0 || due > began) return;
    this.ghost.convict({
      ...NO_ACCESS,
      harm: 'missed-tracking',
      says: `CPU${cpu.id}: page ${vpn} was stored to since ${since}, but pagemap does not tell that it is ${mark}`,
      cpu: cpu.id,
      task: cpu.current,
      mm,
      vpn,
    });
  }

  private forget(mm: MmId, from: number, pages: number): void {
    const { softDue, wpDue } = this.ghost.g.page;
    for (const page of this.range(mm, from, pages)) {
      if (softDue.peek(page) !== 0) softDue.put(page, 0);
      if (wpDue.peek(page) !== 0) wpDue.put(page, 0);
    }
  }

  private *range(mm: MmId, from: number, pages: number): Iterable<PageKey> {
    const end = this.ghost.endOf(mm, from, pages);
    for (let page = this.ghost.pageKey(mm, from as Vpn); page < end; page++) yield page;
  }
}
