/**
 * Rights by what programs asked for, never by page tables: from the begin and the return of each operation that changes
 * them. In force on a page are the rights after the last returned operation, plus those before and after each one in
 * flight; operations that overlapped leave both possible until one that is alone.
 */
import type { Vpn } from '../hardware/types.ts';
import { type MmId, VM_EXEC, VM_READ, VM_WRITE } from '../kernel/types.ts';
import type { Ghost } from './ghost.ts';
import { OP, type OpKind, type OpRef } from './ops.ts';
import type { PageKey } from './tables.ts';

/** What a judge reads before and after an access in `threads`: nothing may have changed in between. */
export interface RightsReading {
  readonly max: number;
  readonly min: number;
  readonly changing: number;
  readonly seq: number;
}

const ALL_RIGHTS = VM_READ | VM_WRITE | VM_EXEC;

export class Rights {
  constructor(private readonly ghost: Ghost) {}

  read(page: PageKey): RightsReading {
    const { page: p } = this.ghost.g;
    const seq = p.rightsSeq.load(page);
    const changing = p.changing.load(page);
    return { max: p.maxRights.load(page), min: p.minRights.load(page), changing, seq };
  }

  begin(kind: OpKind, op: OpRef): void {
    const t = this.ghost.g.task;
    const mm = t.mm.peek(op.task, op.depth) as MmId;
    const from = t.from.peek(op.task, op.depth);
    const pages = t.pages.peek(op.task, op.depth);
    const to = t.to.peek(op.task, op.depth);
    switch (kind) {
      case OP.mmap:
        // without MAP_FIXED the place is known when the call returns, and was unmapped until then
        if (t.fixed.peek(op.task, op.depth) === 1) this.open(mm, from, pages, t.rights.peek(op.task, op.depth));
        return;
      case OP.mprotect:
        this.open(mm, from, pages, t.rights.peek(op.task, op.depth));
        return;
      case OP.munmap:
        this.open(mm, from, pages, 0);
        return;
      case OP.mremap:
        this.open(mm, from, Math.max(pages, to < 0 ? t.toPages.peek(op.task, op.depth) : 0), 0);
        if (to >= 0) this.open(mm, to, t.toPages.peek(op.task, op.depth), this.of(mm, from));
        return;
      default:
        return;
    }
  }

  /** @param result negative: failed, may have done all, part or nothing; else what the call returned. */
  end(kind: OpKind, op: OpRef, result: number, childMm: MmId): void {
    const t = this.ghost.g.task;
    const mm = t.mm.peek(op.task, op.depth) as MmId;
    const from = t.from.peek(op.task, op.depth);
    const pages = t.pages.peek(op.task, op.depth);
    const rights = t.rights.peek(op.task, op.depth);
    const to = t.to.peek(op.task, op.depth);
    const toPages = t.toPages.peek(op.task, op.depth);
    const done = result >= 0;
    switch (kind) {
      case OP.mmap:
        if (t.fixed.peek(op.task, op.depth) === 1) this.close(mm, from, pages, done ? () => rights : undefined);
        else if (done) this.settle(mm, result, pages, () => rights);
        if (done) this.newObject(mm, result, pages);
        return;
      case OP.mprotect:
        this.close(mm, from, pages, done ? () => rights : undefined);
        return;
      case OP.munmap:
        this.close(mm, from, pages, done ? () => 0 : undefined);
        return;
      case OP.mremap: {
        // what the moved pages were allowed is what their old place was allowed before the call
        const source = this.of(mm, from);
        const old = Math.max(pages, to < 0 ? toPages : 0);
        if (!done) {
          this.close(mm, from, old, undefined);
          if (to >= 0) this.close(mm, to, toPages, undefined);
        } else if (result === from) {
          this.close(mm, from, old, (i) => (i < toPages ? source : 0));
        } else {
          this.close(mm, from, old, (i) => (i < pages ? 0 : undefined));
          if (to >= 0) this.close(mm, to, toPages, () => source);
          else this.settle(mm, result, toPages, () => source);
          this.newObject(mm, result, toPages);
        }
        return;
      }
      case OP.fork:
        if (done) this.copyToChild(mm, childMm, t.begunAt.peek(op.task, op.depth));
        return;
      default:
        return;
    }
  }

  /** Rights every order allows, as far as an access begun at `since` can rely on them; 0 where they changed since. */
  reliable(page: PageKey, since: number): number {
    const { page: p } = this.ghost.g;
    const { min, changing } = this.read(page);
    return changing > 0 || p.changedAt.peek(page) > since ? 0 : min;
  }

  private of(mm: MmId, vpn: number): number {
    return this.ghost.g.page.maxRights.peek(this.ghost.pageKey(mm, vpn as Vpn));
  }

  private open(mm: MmId, from: number, pages: number, rights: number): void {
    const { page: p } = this.ghost.g;
    this.each(mm, from, pages, (page) => {
      p.rightsSeq.add(page, 1);
      p.ambiguous.store(page, p.changing.add(page, 1) > 0 ? 1 : 0);
      p.maxRights.or(page, rights);
      p.minRights.and(page, rights);
    });
  }

  /**
   * Ends a change. `after` gives the rights of the i-th page; where it gives none the operation failed or came short, and
   * the rights before and after both stay possible.
   */
  private close(mm: MmId, from: number, pages: number, after: ((i: number) => number | undefined) | undefined): void {
    const { page: p } = this.ghost.g;
    this.each(mm, from, pages, (page, i) => {
      const rights = after?.(i);
      const alone = p.changing.peek(page) === 1 && p.ambiguous.peek(page) === 0;
      if (rights !== undefined) {
        if (alone) {
          p.maxRights.store(page, rights);
          p.minRights.store(page, rights);
        } else {
          p.maxRights.or(page, rights);
          p.minRights.and(page, rights);
        }
      }
      p.changedAt.store(page, this.ghost.now + 1);
      p.rightsSeq.add(page, 1);
      p.changing.add(page, -1);
    });
  }

  /** Rights of a range that was not known when the operation began. */
  private settle(mm: MmId, from: number, pages: number, rights: (i: number) => number): void {
    this.open(mm, from, pages, rights(0));
    this.close(mm, from, pages, rights);
  }

  /** From the present version on, the pages map another object than translations made before. */
  private newObject(mm: MmId, from: number, pages: number): void {
    const { page: p } = this.ghost.g;
    this.each(mm, from, pages, (page) => p.objectVersion.store(page, p.version.peek(page)));
  }

  /** The child has what the parent had at some moment of the fork; where that changed meanwhile, either may be. */
  private copyToChild(mm: MmId, child: MmId, begunAt: number): void {
    const { page: p } = this.ghost.g;
    this.each(mm, 0, this.ghost.geometry.pages, (page, i) => {
      const copy = this.ghost.pageKey(child, i as Vpn);
      // the child runs already, and has changed it itself
      if (p.changing.peek(copy) > 0 || p.changedAt.peek(copy) > begunAt) return;
      const settled = p.changing.peek(page) === 0 && p.changedAt.peek(page) <= begunAt;
      p.maxRights.store(copy, settled ? p.maxRights.peek(page) : ALL_RIGHTS);
      p.minRights.store(copy, settled ? p.minRights.peek(page) : 0);
      p.changedAt.store(copy, this.ghost.now + 1);
    });
  }

  private each(mm: MmId, from: number, pages: number, visit: (page: PageKey, i: number) => void): void {
    const last = Math.min(from + pages, this.ghost.geometry.pages);
    for (let vpn = Math.max(from, 0); vpn < last; vpn++) visit(this.ghost.pageKey(mm, vpn as Vpn), vpn - from);
  }
}
