/**
 * Rights by what programs asked for, never by page tables: from the begin and the return of each operation that changes
 * them. In force on a page are the rights after the last returned operation, plus those before and after each one in
 * flight; operations that overlapped leave both possible until one that is alone.
 *
 * In `threads` other CPUs do the same at the same time. An operation takes itself for alone only if nobody else is counted
 * at its end and nobody has returned since it began; stores that cross are repaired when the later one ends, and until
 * then its count keeps every judge silent.
 */
import type { Vpn } from '../hardware/types.ts';
import { type MmId, type TaskId, VM_EXEC, VM_READ, VM_WRITE } from '../kernel/types.ts';
import type { Ghost } from './ghost.ts';
import { OP, type OpKind } from './ops.ts';
import type { PageKey } from './tables.ts';

/** What a judge reads before and after an access in `threads`: nothing may have changed in between. */
export interface RightsReading {
  readonly max: number;
  readonly min: number;
  readonly changing: number;
  readonly seq: number;
}

const ALL_RIGHTS = VM_READ | VM_WRITE | VM_EXEC;
/** Instead of the rights after an operation: any may be. */
const UNSURE = -1;
/** Instead of the rights after an operation: it failed, and what was possible stays possible. */
const EITHER = -2;

export class Rights {
  constructor(private readonly ghost: Ghost) {}

  read(page: PageKey): RightsReading {
    const { page: p } = this.ghost.g;
    const seq = p.rightsSeq.load(page);
    const changing = p.changing.load(page);
    return { max: p.maxRights.load(page), min: p.minRights.load(page), changing, seq };
  }

  begin(kind: OpKind, task: TaskId, depth: number): void {
    const { task: t } = this.ghost.g;
    const mm = t.mm.peek(task, depth) as MmId;
    const from = t.from.peek(task, depth);
    const pages = t.pages.peek(task, depth);
    const rights = t.rights.peek(task, depth);
    switch (kind) {
      case OP.mmap:
        // without MAP_FIXED the place was unmapped until `place` tells it
        if (t.fixed.peek(task, depth) === 1) this.open(mm, from, pages, rights, 0);
        return;
      case OP.mprotect:
        this.open(mm, from, pages, rights, rights);
        return;
      case OP.munmap:
        this.open(mm, from, pages, 0, 0);
        return;
      case OP.mremap: {
        // the rights go with the mapping: kept where the call's own rights would be
        const source = this.common(mm, from, pages);
        t.rights.put(task, source, depth);
        this.open(mm, from, pages, 0, 0);
        const to = t.to.peek(task, depth);
        if (to >= 0) this.open(mm, to, t.toPages.peek(task, depth), source, 0);
        return;
      }
      default:
        return;
    }
  }

  /** The call has chosen where the new mapping starts: from now on others may find it there, before the call returns. */
  place(kind: OpKind, task: TaskId, depth: number, start: number): void {
    const { task: t } = this.ghost.g;
    const maps = kind === OP.mmap && t.fixed.peek(task, depth) === 0;
    const moves = kind === OP.mremap && t.to.peek(task, depth) < 0 && start !== t.from.peek(task, depth);
    if ((!maps && !moves) || t.opened.peek(task, depth) !== 0) return;
    t.opened.put(task, start + 1, depth);
    const pages = maps ? t.pages.peek(task, depth) : t.toPages.peek(task, depth);
    this.open(t.mm.peek(task, depth) as MmId, start, pages, t.rights.peek(task, depth), 0);
  }

  /** @param result negative: failed, may have done all, part or nothing; else what the call returned. */
  end(kind: OpKind, task: TaskId, depth: number, result: number): void {
    const { task: t } = this.ghost.g;
    const mm = t.mm.peek(task, depth) as MmId;
    const from = t.from.peek(task, depth);
    const pages = t.pages.peek(task, depth);
    const since = t.since.peek(task, depth);
    const done = result >= 0;
    switch (kind) {
      case OP.mmap: {
        const rights = t.rights.peek(task, depth);
        const start = t.fixed.peek(task, depth) === 1 ? from : this.opened(task, depth, result, pages, rights);
        if (start >= 0) this.close(mm, start, pages, done ? rights : EITHER, since);
        return;
      }
      case OP.mprotect:
        this.close(mm, from, pages, done ? t.rights.peek(task, depth) : EITHER, since);
        return;
      case OP.munmap:
        this.close(mm, from, pages, done ? 0 : EITHER, since);
        return;
      case OP.mremap:
        this.moved(task, depth, result);
        return;
      default:
        return;
    }
  }

  /** Rights every order allows, as far as an access begun at ghost time `since` can rely on them; 0 where they changed. */
  reliable(page: PageKey, since: number): number {
    const { page: p } = this.ghost.g;
    return p.changing.load(page) > 0 || p.changedAt.load(page) > since ? 0 : p.minRights.load(page);
  }

  /** A new address space: nothing is mapped. Its row may have belonged to another one. */
  forget(mm: MmId): void {
    const { page: p } = this.ghost.g;
    const first = this.ghost.pageKey(mm, 0 as Vpn);
    for (let page = first; page < first + this.ghost.geometry.pages; page++) {
      if (p.maxRights.peek(page) !== 0) p.maxRights.store(page, 0);
      if (p.minRights.peek(page) !== 0) p.minRights.store(page, 0);
      if (p.changing.peek(page) !== 0) p.changing.store(page, 0);
    }
  }

  /** The child has what the parent had at some moment since ghost time `since`; where that changed, any may be. */
  copyToChild(mm: MmId, child: MmId, since: number): void {
    const { page: p } = this.ghost.g;
    const first = this.ghost.pageKey(mm, 0 as Vpn);
    let copy = this.ghost.pageKey(child, 0 as Vpn);
    for (let page = first; page < first + this.ghost.geometry.pages; page++, copy++) {
      const max = p.maxRights.load(page);
      const min = p.minRights.load(page);
      const same = p.changing.load(page) === 0 && p.changedAt.load(page) <= since;
      // added, not stored: in `threads` the child may be changing them by now
      if (max !== 0 || !same) p.maxRights.or(copy, same ? max : ALL_RIGHTS);
      if (min !== 0) p.minRights.store(copy, same ? min : 0);
    }
  }

  /** Where the call without a fixed place has, or would have, its mapping: opened now if that was not told before; -1: nowhere. */
  private opened(task: TaskId, depth: number, result: number, pages: number, rights: number): number {
    const { task: t } = this.ghost.g;
    const told = t.opened.peek(task, depth) - 1;
    if (told >= 0 || result < 0) return told;
    this.open(t.mm.peek(task, depth) as MmId, result, pages, rights, 0);
    return result;
  }

  private moved(task: TaskId, depth: number, result: number): void {
    const { task: t } = this.ghost.g;
    const mm = t.mm.peek(task, depth) as MmId;
    const from = t.from.peek(task, depth);
    const pages = t.pages.peek(task, depth);
    const to = t.to.peek(task, depth);
    const toPages = t.toPages.peek(task, depth);
    const since = t.since.peek(task, depth);
    if (result < 0) {
      this.close(mm, from, pages, EITHER, since);
      const target = to >= 0 ? to : t.opened.peek(task, depth) - 1;
      if (target >= 0) this.close(mm, target, toPages, EITHER, since);
      return;
    }
    const source = this.alone(mm, from, pages, since) ? t.rights.peek(task, depth) : UNSURE;
    if (result === from) {
      const kept = Math.min(pages, toPages);
      this.close(mm, from, kept, source, since);
      this.close(mm, from + kept, pages - kept, 0, since);
      this.open(mm, from + kept, toPages - kept, source, 0);
      this.close(mm, from + kept, toPages - kept, source, since);
      return;
    }
    this.close(mm, from, pages, 0, since);
    if (to < 0) this.opened(task, depth, result, toPages, source);
    this.close(mm, result, toPages, source, since);
  }

  /** Rights of all pages of the range, if they are the same and certain. */
  private common(mm: MmId, from: number, pages: number): number {
    const { page: p } = this.ghost.g;
    const first = this.ghost.pageKey(mm, from as Vpn);
    const rights = p.maxRights.load(first);
    const end = this.endOf(mm, from, pages);
    for (let page = first; page < end; page++) {
      const certain = p.changing.load(page) === 0 && p.maxRights.load(page) === p.minRights.load(page);
      if (!certain || p.maxRights.load(page) !== rights) return UNSURE;
    }
    return rights;
  }

  /** Begins a change: the rights after it may be `rights`; `least` are what is left in the worst case on the way there. */
  private open(mm: MmId, from: number, pages: number, rights: number, least: number): void {
    const { page: p } = this.ghost.g;
    const end = this.endOf(mm, from, pages);
    for (let page = this.ghost.pageKey(mm, from as Vpn); page < end; page++) {
      if (this.ghost.options.threads) p.rightsSeq.add(page, 1);
      p.changing.add(page, 1);
      p.maxRights.or(page, rights === UNSURE ? ALL_RIGHTS : rights);
      p.minRights.and(page, least);
    }
  }

  /** Ends a change begun at ghost time `since`: `rights` are those after it, or UNSURE, or EITHER. */
  private close(mm: MmId, from: number, pages: number, rights: number, since: number): void {
    const { page: p } = this.ghost.g;
    const first = this.ghost.pageKey(mm, from as Vpn);
    const end = this.endOf(mm, from, pages);
    if (end <= first) return;
    for (let page = first; page < end && rights !== EITHER; page++) {
      if (rights === UNSURE) {
        p.maxRights.or(page, ALL_RIGHTS);
        p.minRights.and(page, 0);
      } else if (this.isAlone(page, since)) {
        p.maxRights.store(page, rights);
        p.minRights.store(page, rights);
      } else {
        p.maxRights.or(page, rights);
        p.minRights.and(page, rights);
      }
    }
    // after the rights: whoever begins at this time or later finds them
    const now = this.ghost.tick();
    for (let page = first; page < end; page++) {
      p.changedAt.store(page, now);
      if (this.ghost.options.threads) p.rightsSeq.add(page, 1);
      p.changing.add(page, -1);
    }
  }

  private alone(mm: MmId, from: number, pages: number, since: number): boolean {
    const end = this.endOf(mm, from, pages);
    for (let page = this.ghost.pageKey(mm, from as Vpn); page < end; page++) {
      if (!this.isAlone(page, since)) return false;
    }
    return true;
  }
  /** Is the caller's change, in flight since `since`, the only one that touched the page since then? */
  private isAlone(page: PageKey, since: number): boolean {
    const { page: p } = this.ghost.g;
    return p.changing.load(page) === 1 && p.changedAt.load(page) <= since;
  }

  private endOf(mm: MmId, from: number, pages: number): number {
    return this.ghost.endOf(mm, from, pages);
  }
}
