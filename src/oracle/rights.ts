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

/** Most and least rights in one number: the least ones shifted. */
type Bounds = number & { readonly brand: 'Bounds' };
const MIN_SHIFT = 4;

function both(rights: number): Bounds {
  const kept = rights & ALL_RIGHTS;
  return (kept | (kept << MIN_SHIFT)) as Bounds;
}

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
        // the pages come with rights that are known when they have come
        if (to >= 0) this.open(mm, to, t.toPages.peek(op.task, op.depth), ALL_RIGHTS);
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
        if (t.fixed.peek(op.task, op.depth) === 1) this.close(mm, from, pages, done ? () => both(rights) : undefined);
        else if (done) this.settle(mm, result, pages, () => both(rights));
        if (done) this.newObject(mm, result, pages);
        return;
      case OP.mprotect:
        this.close(mm, from, pages, done ? () => both(rights) : undefined);
        return;
      case OP.munmap:
        this.close(mm, from, pages, done ? () => 0 : undefined);
        return;
      case OP.mremap:
        this.endMremap(mm, from, pages, to, toPages, result);
        return;
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

  /** What the moved pages were allowed is what their old place was allowed before the call. */
  private endMremap(mm: MmId, from: number, pages: number, to: number, toPages: number, result: number): void {
    const old = Math.max(pages, to < 0 ? toPages : 0);
    if (result < 0) {
      this.close(mm, from, old, undefined);
      if (to >= 0) this.close(mm, to, toPages, undefined);
      return;
    }
    const source = Array.from({ length: toPages }, (_, i) => this.kept(mm, from + Math.min(i, pages - 1)));
    if (result === from) {
      this.close(mm, from, old, (i) => (i < toPages ? source[i] : 0));
      return;
    }
    this.close(mm, from, old, (i) => (i < pages ? 0 : undefined));
    if (to >= 0) this.close(mm, to, toPages, (i) => source[i]);
    else this.settle(mm, result, toPages, (i) => source[i]);
    this.newObject(mm, result, toPages);
  }

  /** Rights of a page before the change in flight: all it may have had, and those it surely had. */
  private kept(mm: MmId, vpn: number): Bounds {
    const { page: p } = this.ghost.g;
    const page = this.ghost.pageKey(mm, vpn as Vpn);
    const alone = p.changing.peek(page) === 1 && p.ambiguous.peek(page) === 0;
    return (p.maxRights.peek(page) | ((alone ? p.keptMin.peek(page) : 0) << MIN_SHIFT)) as Bounds;
  }

  private open(mm: MmId, from: number, pages: number, rights: number): void {
    const { page: p } = this.ghost.g;
    this.each(mm, from, pages, (page) => {
      p.rightsSeq.add(page, 1);
      const alone = p.changing.add(page, 1) === 0;
      p.ambiguous.store(page, alone ? 0 : 1);
      if (alone) p.keptMin.store(page, p.minRights.peek(page));
      p.maxRights.or(page, rights);
      p.minRights.and(page, rights);
    });
  }

  /**
   * Ends a change. `after` gives the rights of the i-th page; where it gives none the operation failed or came short, and
   * the rights before and after both stay possible.
   */
  private close(
    mm: MmId,
    from: number,
    pages: number,
    after: ((i: number) => Bounds | 0 | undefined) | undefined,
  ): void {
    const { page: p } = this.ghost.g;
    this.each(mm, from, pages, (page, i) => {
      const bounds = after?.(i);
      const alone = p.changing.peek(page) === 1 && p.ambiguous.peek(page) === 0;
      if (bounds !== undefined) {
        const max = bounds & ALL_RIGHTS;
        const min = bounds >> MIN_SHIFT;
        if (alone) {
          p.maxRights.store(page, max);
          p.minRights.store(page, min);
        } else {
          p.maxRights.or(page, max);
          p.minRights.and(page, min);
        }
      }
      p.changedAt.store(page, this.ghost.now + 1);
      p.rightsSeq.add(page, 1);
      p.changing.add(page, -1);
    });
  }

  /** Rights of a range that was not known when the operation began. */
  private settle(mm: MmId, from: number, pages: number, rights: (i: number) => Bounds | 0): void {
    this.open(mm, from, pages, rights(0) & ALL_RIGHTS);
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
