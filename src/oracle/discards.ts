/**
 * What munmap, MAP_FIXED, DONTNEED, FREE and mremap do to the words of pages that are the address space's own. A discarder is a
 * write of zero placed anywhere between its begin and its return; mremap takes the content along and discards what it leaves
 * and what it covers.
 */
import type { Vpn } from '../hardware/types.ts';
import type { MmId, TaskId } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import type { Ghost } from './ghost.ts';
import { OP, type OpKind } from './ops.ts';
import { type PageKey, type WordKey, WRITES } from './tables.ts';
import { ANYTHING, ZERO_LEGAL, ZERO_PENDING } from './zero.ts';

export class Discards {
  // the operation at work: set at each begin and end
  private mm = 0 as MmId;
  private from = 0;
  private pages = 0;
  private to = 0;
  private toPages = 0;
  /** Sequence number of the last write, and ghost time, when it began. */
  private before = 0;
  private since = 0;

  constructor(
    private readonly ghost: Ghost,
    private readonly backing: Backing,
  ) {}

  begin(kind: OpKind, task: TaskId, depth: number): void {
    if (!this.take(kind, task, depth)) return;
    this.count(this.from, this.pages, 1);
    if (kind !== OP.mremap) return;
    const { moving } = this.ghost.g.mm;
    moving.put(this.mm, moving.peek(this.mm) + 1);
    if (this.to >= 0) this.count(this.to, this.toPages, 1);
  }

  /** @param result negative: failed, and may have discarded all, part or nothing. */
  end(kind: OpKind, task: TaskId, depth: number, result: number): void {
    if (!this.take(kind, task, depth)) return;
    if (kind === OP.free) {
      this.mayGo(this.from, this.pages);
      this.returned(this.from, this.pages, this.ghost.tick());
      return;
    }
    if (kind !== OP.mremap) {
      this.discard(this.from, this.pages, result >= 0);
      if (kind === OP.madvise) this.dropCopies(result >= 0);
      this.returned(this.from, this.pages, this.ghost.tick());
      return;
    }
    if (result < 0) {
      // what moved has moved back, with what was stored on the way
      this.blur(this.from, this.pages);
      if (this.to >= 0) this.blur(this.to, this.toPages);
    } else if (result === this.from) {
      this.discard(this.from + this.toPages, this.pages - this.toPages, true);
    } else {
      const moved = Math.min(this.pages, this.toPages);
      for (let i = 0; i < moved; i++) this.movePage(this.from + i, result + i);
      this.discard(this.from, this.pages, true);
      if (this.to >= 0) this.discard(result + moved, this.toPages - moved, true);
    }
    const now = this.ghost.tick();
    this.returned(this.from, this.pages, now);
    if (this.to >= 0) this.returned(this.to, this.toPages, now);
    else if (result >= 0 && result !== this.from) this.stamp(result, this.toPages, now);
    const { moving, movedAt } = this.ghost.g.mm;
    moving.put(this.mm, moving.peek(this.mm) - 1);
    movedAt.put(this.mm, now);
  }

  /** Reads what the operation was asked for; false if it discards nothing. */
  private take(kind: OpKind, task: TaskId, depth: number): boolean {
    const { task: t } = this.ghost.g;
    if (kind === OP.mmap) {
      if (t.fixed.peek(task, depth) === 0) return false;
    } else if (kind !== OP.munmap && kind !== OP.madvise && kind !== OP.mremap && kind !== OP.free) {
      return false;
    }
    this.mm = t.mm.peek(task, depth) as MmId;
    this.from = t.from.peek(task, depth);
    this.pages = t.pages.peek(task, depth);
    this.to = t.to.peek(task, depth);
    this.toPages = t.toPages.peek(task, depth);
    this.before = t.writesBefore.peek(task, depth);
    this.since = t.since.peek(task, depth);
    return true;
  }

  private count(from: number, pages: number, by: number): void {
    const { page: p } = this.ghost.g;
    const end = this.ghost.endOf(this.mm, from, pages);
    for (let page = this.pageAt(from); page < end; page++) {
      const others = p.discarding.peek(page);
      if (others === 0) p.discardingSince.put(page, this.since);
      p.discarding.put(page, others + by);
      if (others + by === 0) p.discardingSince.put(page, 0);
    }
  }
  private stamp(from: number, pages: number, now: number): void {
    const end = this.ghost.endOf(this.mm, from, pages);
    for (let page = this.pageAt(from); page < end; page++) this.ghost.g.page.discardedAt.put(page, now);
  }
  private returned(from: number, pages: number, now: number): void {
    this.count(from, pages, -1);
    this.stamp(from, pages, now);
  }

  private discard(from: number, pages: number, done: boolean): void {
    const end = this.ghost.endOf(this.mm, from, pages);
    for (let page = this.pageAt(from); page < end; page++) {
      discardWords(this.ghost, page, this.before, done, done && this.isAlone(page, 1));
    }
  }

  /** DONTNEED of the private copy of a file's page: the page follows the file again. What is unmapped shows nothing. */
  private dropCopies(done: boolean): void {
    const end = this.ghost.endOf(this.mm, this.from, this.pages);
    for (let page = this.pageAt(this.from); page < end; page++) {
      if (!this.backing.isPrivate(page) || this.backing.follows(page)) continue;
      const copiedAgain = this.backing.changedSince(page, this.since);
      if (done && !copiedAgain && this.isAlone(page, 1)) this.backing.dropsCopy(page);
      else this.backing.blurOwn(page);
    }
  }

  /** MADV_FREE: every word is what it was, or zero, until it is stored to. Linux decides page by page, and later. */
  private mayGo(from: number, pages: number): void {
    const { zero } = this.ghost.g.word;
    const first = this.ghost.wordKey(this.pageAt(from), 0);
    const end = this.ghost.wordKey(this.ghost.endOf(this.mm, from, pages), 0);
    for (let key = first; key < end; key++) if (zero.peek(key) !== ANYTHING) zero.put(key, ZERO_PENDING);
  }

  private blur(from: number, pages: number): void {
    const { zero } = this.ghost.g.word;
    const first = this.ghost.wordKey(this.pageAt(from), 0);
    const end = this.ghost.wordKey(this.ghost.endOf(this.mm, from, pages), 0);
    for (let key = first; key < end; key++) zero.put(key, ANYTHING);
  }

  /** The words of page `to` inherit every write that was legal at page `from`. */
  private movePage(from: number, to: number): void {
    const { word: w } = this.ghost.g;
    const source = this.pageAt(from);
    const target = this.pageAt(to);
    const alone = this.isAlone(source, 1) && this.isAlone(target, this.to >= 0 ? 1 : 0);
    for (let k = 0; k < this.ghost.geometry.wordsPerPage; k++) {
      const a = this.ghost.wordKey(source, k);
      const b = this.ghost.wordKey(target, k);
      if (!alone) {
        w.zero.put(a, ANYTHING);
        w.zero.put(b, ANYTHING);
      } else this.moveWord(a, b);
    }
  }

  private moveWord(a: WordKey, b: WordKey): void {
    const { word: w, write } = this.ghost.g;
    w.seenFloor.put(b, 0);
    w.zero.put(b, w.zero.peek(a));
    if (w.last.peek(b) <= this.before) {
      w.last.put(b, w.last.peek(a));
      w.floor.put(b, w.floor.peek(a));
      return;
    }
    // stores to the new place while the call was in flight keep their order, in front of what came along
    w.floor.put(b, Math.min(w.floor.peek(a), this.before + 1));
    let oldest = w.last.peek(b);
    while (write.seq.peek(oldest % WRITES) === oldest && write.before.peek(oldest % WRITES) > this.before) {
      oldest = write.before.peek(oldest % WRITES);
    }
    if (write.seq.peek(oldest % WRITES) === oldest) write.before.put(oldest % WRITES, w.last.peek(a));
    else w.zero.put(b, ANYTHING);
  }

  /** Has nothing else discarded the page since the operation, which is counted there `own` times, began? */
  private isAlone(page: PageKey, own: number): boolean {
    const { page: p } = this.ghost.g;
    return p.discarding.peek(page) === own && p.discardedAt.peek(page) <= this.since;
  }

  private pageAt(vpn: number): PageKey {
    return this.ghost.pageKey(this.mm, vpn as Vpn);
  }
}

/**
 * The words of a page, of an address space or a file, may be zero now. If the discarder is `done`, what was among the first
 * `before` writes is gone; if it was `alone` besides, nothing else is open.
 */
export function discardWords(ghost: Ghost, page: PageKey, before: number, done: boolean, alone: boolean): void {
  const { word: w } = ghost.g;
  const first = ghost.wordKey(page, 0);
  for (let key = first; key < first + ghost.geometry.wordsPerPage; key++) {
    if (done && w.last.peek(key) > 0 && before >= w.floor.peek(key)) ghost.raiseFloor(key, before + 1);
    const zero = w.zero.peek(key);
    // what MADV_FREE gave up meanwhile still goes, if at all, at any time
    const isOpen = zero === ANYTHING || zero === ZERO_PENDING;
    if (zero !== ZERO_LEGAL && (!isOpen || alone)) w.zero.put(key, ZERO_LEGAL);
  }
}
