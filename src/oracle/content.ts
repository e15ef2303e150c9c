/**
 * Content by name: for each word of private memory, which of its writes a load may still return. Writes are numbered in
 * the order in which they were performed. `floor` is the oldest one that a returned write leaves legal; a discarder
 * (munmap, MAP_FIXED, DONTNEED) is a write of zero placed anywhere between its begin and its return.
 */
import type { Vpn } from '../hardware/types.ts';
import type { MmId } from '../kernel/types.ts';
import type { Ghost } from './ghost.ts';
import { OP, type OpKind, type OpRef } from './ops.ts';
import { type PageKey, type WordKey, WRITES } from './tables.ts';

/** Zero may be loaded: never written, or discarded. */
const ZERO_LEGAL = 0;
/** A returned write has made zero illegal. */
const ZERO_OVERWRITTEN = 1;
/** Only a load that saw a later write has. */
const ZERO_PASSED = 2;

/** How a loaded value relates to what is legal. */
export type Legality =
  | 'legal'
  /** Older than a returned write allows. */
  | 'below-floor'
  /** Older than another load allows. */
  | 'below-seen'
  /** Not a value of this word: another address space's, or nobody's. */
  | 'foreign';

export class Content {
  constructor(private readonly ghost: Ghost) {}

  /** A store was performed: it gets the next number. Returns it. */
  stored(page: PageKey, word: number, value: number): number {
    const { word: w, write, global } = this.ghost.g;
    const key = this.ghost.wordKey(page, word);
    const seq = global.writes.peek(0) + 1;
    global.writes.put(0, seq);
    const row = seq % WRITES;
    write.seq.put(row, seq);
    write.value.put(row, value);
    write.key.put(row, key + 1);
    write.before.put(row, w.last.peek(key));
    w.last.put(key, seq);
    return seq;
  }

  /** The store with number `seq`, begun at step `begun`, has returned: older writes are no longer legal. */
  storeReturned(page: PageKey, word: number, seq: number, begun: number): void {
    const { word: w } = this.ghost.g;
    const key = this.ghost.wordKey(page, word);
    if (seq > w.floor.peek(key)) w.floor.put(key, seq);
    if (!this.movedSince(page, begun)) w.unsure.put(key, 0);
    if (!this.discardedSince(page, begun)) w.zero.put(key, ZERO_OVERWRITTEN);
  }

  judge(page: PageKey, word: number, value: number): Legality {
    const { word: w, write, mm } = this.ghost.g;
    // a child that runs before its fork has returned: what it may see is not known yet
    if (mm.settled.peek(this.ghost.mmOf(page)) === 0) return 'legal';
    const key = this.ghost.wordKey(page, word);
    if (w.unsure.peek(key) === 1 || this.ghost.g.page.moving.peek(page) > 0) return 'legal';
    const floor = w.floor.peek(key);
    const seen = w.seenFloor.peek(key);
    if (value === 0) {
      const zero = w.zero.peek(key);
      if (zero === ZERO_LEGAL) return 'legal';
      return zero === ZERO_OVERWRITTEN ? 'below-floor' : 'below-seen';
    }
    for (let seq = w.last.peek(key); seq > 0; ) {
      const row = seq % WRITES;
      // overwritten in the table of writes: too old to be told apart
      if (write.seq.peek(row) !== seq) return 'legal';
      if (write.value.peek(row) === value) {
        if (seq < floor) return 'below-floor';
        return seq < seen ? 'below-seen' : 'legal';
      }
      seq = write.before.peek(row);
    }
    return 'foreign';
  }

  /** A load, begun at step `begun`, that returned `value` has ended: later loads may not go back behind it. */
  loadEnded(page: PageKey, word: number, value: number, begun: number): void {
    const { word: w, write } = this.ghost.g;
    const key = this.ghost.wordKey(page, word);
    if (value === 0) {
      // zero by a discarder behind every write so far, if there was one
      if (w.last.peek(key) >= w.seenFloor.peek(key) && w.last.peek(key) > 0) w.seenFloor.put(key, w.last.peek(key) + 1);
      return;
    }
    for (let seq = w.last.peek(key); seq > 0; seq = write.before.peek(seq % WRITES)) {
      if (write.seq.peek(seq % WRITES) !== seq) return;
      if (write.value.peek(seq % WRITES) !== value) continue;
      if (seq > w.seenFloor.peek(key)) w.seenFloor.put(key, seq);
      if (w.zero.peek(key) === ZERO_LEGAL && !this.discardedSince(page, begun)) w.zero.put(key, ZERO_PASSED);
      return;
    }
  }

  /** The address space whose write this value is, or -1. */
  writerOf(value: number): MmId | -1 {
    const { write, global } = this.ghost.g;
    const last = global.writes.peek(0);
    for (let seq = last; seq > 0 && seq > last - WRITES; seq--) {
      const row = seq % WRITES;
      if (write.value.peek(row) !== value) continue;
      const page = Math.floor((write.key.peek(row) - 1) / this.ghost.geometry.wordsPerPage) as PageKey;
      return this.ghost.mmOf(page);
    }
    return -1;
  }

  /** The value of the write that a load must not go behind, for reports; undefined if zero is the only legal value. */
  expected(page: PageKey, word: number): number {
    const { word: w, write } = this.ghost.g;
    const last = w.last.peek(this.ghost.wordKey(page, word));
    const row = last % WRITES;
    return last > 0 && write.seq.peek(row) === last ? write.value.peek(row) : 0;
  }

  begin(kind: OpKind, op: OpRef): void {
    const { page: p, word: w } = this.ghost.g;
    if (kind === OP.mremap) {
      for (const [mm, from, pages] of this.moved(op)) this.each(mm, from, pages, (page) => p.moving.add(page, 1));
    }
    for (const [mm, from, pages] of this.discarded(kind, op)) {
      this.each(mm, from, pages, (page) => p.discarding.add(page, 1));
      this.eachWord(mm, from, pages, (key) => w.zero.put(key, ZERO_LEGAL));
    }
  }

  end(kind: OpKind, op: OpRef, result: number, childMm: MmId): void {
    const { page: p, task: t, word: w } = this.ghost.g;
    const before = t.writesBefore.peek(op.task, op.depth);
    const begun = t.begunAt.peek(op.task, op.depth);
    const mm = t.mm.peek(op.task, op.depth) as MmId;
    if (kind === OP.mremap) this.endMremap(op, mm, result, before, begun);
    for (const [, from, pages] of this.discarded(kind, op)) {
      this.each(mm, from, pages, (page) => {
        p.discarding.add(page, -1);
        p.discardedAt.store(page, this.ghost.now + 1);
      });
      // writes performed before the discarder began are gone; a failed one may not have come to this word
      if (result < 0) continue;
      this.eachWord(mm, from, pages, (key, page) => {
        if (w.floor.peek(key) <= before) w.floor.put(key, before + 1);
        if (!this.movedSince(page, begun)) w.unsure.put(key, 0);
      });
    }
    if (kind === OP.fork && result >= 0) this.inherit(op, childMm, before);
    // the row of an address space that its last task has left may be given to a child
    if (kind === OP.exit && this.ghost.machine.mm.users.peek(mm) <= 0) this.ghost.g.mm.settled.store(mm, 0);
  }

  /** Ranges whose words the operation may make zero. */
  private discarded(kind: OpKind, op: OpRef): readonly (readonly [MmId, number, number])[] {
    const { task: t } = this.ghost.g;
    const mm = t.mm.peek(op.task, op.depth) as MmId;
    const from = t.from.peek(op.task, op.depth);
    const pages = t.pages.peek(op.task, op.depth);
    switch (kind) {
      case OP.munmap:
      case OP.madvise:
        return [[mm, from, pages]];
      case OP.mmap:
        return t.fixed.peek(op.task, op.depth) === 1 ? [[mm, from, pages]] : [];
      default:
        return [];
    }
  }

  /** Ranges that an mremap takes pages from or brings them to, as far as they are known when it begins. */
  private moved(op: OpRef): readonly (readonly [MmId, number, number])[] {
    const { task: t } = this.ghost.g;
    const mm = t.mm.peek(op.task, op.depth) as MmId;
    const from = t.from.peek(op.task, op.depth);
    const pages = t.pages.peek(op.task, op.depth);
    const to = t.to.peek(op.task, op.depth);
    const source = [mm, from, pages] as const;
    return to < 0 ? [source] : [source, [mm, to, t.toPages.peek(op.task, op.depth)]];
  }

  /**
   * mremap takes the content along: the new words inherit every write that was legal at the old ones, and the old ones are
   * gone. Where a store, a discarder or another move overlapped the call, the order of events decides what arrived; such
   * words are accepted whatever they hold.
   */
  private endMremap(op: OpRef, mm: MmId, result: number, before: number, begun: number): void {
    const { page: p, task: t, word: w } = this.ghost.g;
    const from = t.from.peek(op.task, op.depth);
    const pages = t.pages.peek(op.task, op.depth);
    const toPages = t.toPages.peek(op.task, op.depth);
    const calm = (page: PageKey): boolean => {
      if (p.moving.peek(page) > 1 || this.movedSince(page, begun, 1) || this.discardedSince(page, begun)) return false;
      for (let k = 0; k < this.ghost.geometry.wordsPerPage; k++) {
        if (w.last.peek(this.ghost.wordKey(page, k)) > before) return false;
      }
      return true;
    };
    const blur = (page: PageKey): void => {
      for (let k = 0; k < this.ghost.geometry.wordsPerPage; k++) w.unsure.put(this.ghost.wordKey(page, k), 1);
    };
    const kept = result === from ? Math.min(pages, toPages) : 0;
    if (result >= 0 && result !== from) {
      for (let i = 0; i < toPages; i++) {
        const target = this.ghost.pageKey(mm, (result + i) as Vpn);
        const source = this.ghost.pageKey(mm, (from + i) as Vpn);
        if (!calm(target) || (i < pages && !calm(source))) blur(target);
        else if (i < pages) this.copyPage(source, target);
        else this.emptyPage(target, before);
      }
    }
    for (let i = kept; i < pages; i++) {
      const source = this.ghost.pageKey(mm, (from + i) as Vpn);
      if (result < 0 || !calm(source)) blur(source);
      else this.emptyPage(source, before);
    }
    // a call that failed may have unmapped its target before
    const to = t.to.peek(op.task, op.depth);
    if (result < 0 && to >= 0) this.each(mm, to, toPages, blur);
    for (const [, first, count] of this.moved(op)) {
      this.each(mm, first, count, (page) => {
        p.moving.add(page, -1);
        p.movedAt.store(page, this.ghost.now + 1);
      });
    }
  }

  private copyPage(source: PageKey, target: PageKey): void {
    const { word: w } = this.ghost.g;
    for (let k = 0; k < this.ghost.geometry.wordsPerPage; k++) {
      const a = this.ghost.wordKey(source, k);
      const b = this.ghost.wordKey(target, k);
      w.last.put(b, w.last.peek(a));
      w.floor.put(b, w.floor.peek(a));
      w.seenFloor.put(b, w.seenFloor.peek(a));
      w.zero.put(b, w.zero.peek(a));
      w.unsure.put(b, w.unsure.peek(a));
    }
  }

  /** Nothing but zero is legal any more. */
  private emptyPage(page: PageKey, before: number): void {
    const { word: w } = this.ghost.g;
    for (let k = 0; k < this.ghost.geometry.wordsPerPage; k++) {
      const key = this.ghost.wordKey(page, k);
      w.floor.put(key, before + 1);
      w.zero.put(key, ZERO_LEGAL);
      w.unsure.put(key, 0);
    }
  }

  /**
   * A child's word starts as any value that was legal for the parent between begin and return of fork. Where the parent's
   * word changed meanwhile, everything from the newest write before the fork on is accepted, and zero after a discarder.
   */
  private inherit(op: OpRef, child: MmId, before: number): void {
    const { task: t, word: w, page: p } = this.ghost.g;
    const mm = t.mm.peek(op.task, op.depth) as MmId;
    const begun = t.begunAt.peek(op.task, op.depth);
    this.eachWord(mm, 0, this.ghost.geometry.pages, (key, page, k) => {
      const copy = this.ghost.wordKey(this.ghost.pageKey(child, this.ghost.vpnOf(page)), k);
      // the child runs already, and has written: its own order stands
      if (w.last.peek(copy) > before) return;
      const last = w.last.peek(key);
      const discarded = p.discarding.peek(page) > 0 || p.discardedAt.peek(page) > begun;
      const written = last > before;
      const old = written ? this.newestUpTo(last, before) : 0;
      w.last.put(copy, last);
      w.seenFloor.put(copy, 0);
      w.unsure.put(copy, w.unsure.peek(key) === 1 || this.movedSince(page, begun) ? 1 : 0);
      w.floor.put(copy, discarded ? 0 : written ? old : w.floor.peek(key));
      w.zero.put(copy, discarded || (written && old === 0) ? ZERO_LEGAL : w.zero.peek(key));
    });
    this.ghost.g.mm.settled.store(child, 1);
  }

  /** The newest write of the chain that ends in `last` with a number up to `bound`; 0 if there is none. */
  private newestUpTo(last: number, bound: number): number {
    const { write } = this.ghost.g;
    let seq = last;
    while (seq > bound) {
      if (write.seq.peek(seq % WRITES) !== seq) return 0;
      seq = write.before.peek(seq % WRITES);
    }
    return seq;
  }

  private discardedSince(page: PageKey, begun: number): boolean {
    const { page: p } = this.ghost.g;
    return p.discarding.peek(page) > 0 || p.discardedAt.peek(page) > begun;
  }

  /** @param own calls in flight that the caller is itself. */
  private movedSince(page: PageKey, begun: number, own = 0): boolean {
    const { page: p } = this.ghost.g;
    return p.moving.peek(page) > own || p.movedAt.peek(page) > begun;
  }

  private each(mm: MmId, from: number, pages: number, visit: (page: PageKey) => void): void {
    const last = Math.min(from + pages, this.ghost.geometry.pages);
    for (let vpn = Math.max(from, 0); vpn < last; vpn++) visit(this.ghost.pageKey(mm, vpn as Vpn));
  }
  private eachWord(
    mm: MmId,
    from: number,
    pages: number,
    visit: (key: WordKey, page: PageKey, word: number) => void,
  ): void {
    const { wordsPerPage } = this.ghost.geometry;
    this.each(mm, from, pages, (page) => {
      for (let k = 0; k < wordsPerPage; k++) visit(this.ghost.wordKey(page, k), page, k);
    });
  }
}
