/**
 * Content by name: for each word of private memory and of files, which of its writes a load may still return. Writes are numbered in
 * the order in which they were performed; each knows how many came before its store began. A returned store makes illegal
 * what had returned before it began; a store that overlaps another, or a discarder, leaves both orders open. What
 * discarders, mremap and fork do to words is in discards.ts and children.ts. Only for the stepper: in `threads` the order of
 * writes is not known.
 */
import type { Vpn } from '../hardware/types.ts';
import type { TaskId } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import type { Ghost } from './ghost.ts';
import { OP } from './ops.ts';
import { type PageKey, type WordKey, WRITES } from './tables.ts';
import { ANYTHING, ZERO_LEGAL, ZERO_OVERWRITTEN, ZERO_PASSED, ZERO_PENDING } from './zero.ts';

/** How a loaded value relates to what is legal. */
export type Legality =
  | 'legal'
  /** Older than a returned write allows. */
  | 'below-floor'
  /** Older than another load allows. */
  | 'below-seen'
  /** Not a value of this word: another address space's, or nobody's. */
  | 'foreign';

const NO_WRITE = 0;
/** A store: it returns with the step that performs it. */
const NO_OP = 0;
const NOWHERE = -1;
/** Owner of a write that went nobody knows where. */
const WILD = -2;
/** The table of writes no longer holds that one. */
const TOO_OLD = -1;

export class Content {
  constructor(
    private readonly ghost: Ghost,
    private readonly backing: Backing,
  ) {}

  /** A store, begun at ghost time `since` behind `began` writes, was performed and has returned. */
  stored(page: PageKey, word: number, value: number, began: number, since: number): void {
    const target = this.backing.isPlain(page) ? page : this.targetOf(page);
    const key = this.ghost.wordKey(target, word);
    this.performed(target, word, value, began, NO_OP);
    // what the page shows may have changed between begin and end: then both places are open
    if (!this.backing.isPlain(page) && (this.backing.isChanging(page) || this.backing.isUnsure(page))) {
      this.runsWild(page, word);
      return;
    }
    // which of the two came last is anybody's guess
    if (this.discardedSince(target, since)) return;
    // what takes a mapping of a file away takes no word of the file, but the store may have gone to a former mapping
    if (target !== page && this.backing.changedUnderDiscard(page)) return;
    this.returned(key, began);
  }

  /** The last write of the word, begun behind `began` writes, has returned: what had returned by then is overwritten. */
  returned(key: WordKey, began: number): void {
    const { word: w } = this.ghost.g;
    if (began >= w.floor.peek(key)) this.ghost.raiseFloor(key, began + 1);
    w.zero.put(key, ZERO_OVERWRITTEN);
  }

  /** A write of the word under this key, begun behind `began` writes, was performed; `op` is the call in flight, or NO_OP. */
  performed(page: PageKey, word: number, value: number, began: number, op: number): void {
    const { word: w, write, global } = this.ghost.g;
    const key = this.ghost.wordKey(page, word);
    const seq = global.writes.peek(0) + 1;
    global.writes.put(0, seq);
    const row = seq % WRITES;
    write.seq.put(row, seq);
    write.value.put(row, value);
    write.owner.put(row, this.ghost.ownerOf(page));
    write.key.put(row, key);
    write.op.put(row, op);
    write.before.put(row, w.last.peek(key));
    write.began.put(row, began);
    write.reached.put(row, 0);
    w.last.put(key, seq);
  }

  /** A write that went nobody knows where: its value may turn up anywhere from now on. It overwrites nothing that must be seen. */
  wild(value: number): void {
    const { write, global } = this.ghost.g;
    const seq = global.writes.peek(0) + 1;
    global.writes.put(0, seq);
    write.seq.put(seq % WRITES, seq);
    write.value.put(seq % WRITES, value);
    write.owner.put(seq % WRITES, WILD);
    write.op.put(seq % WRITES, NO_OP);
  }

  /** A load, begun at ghost time `since` behind `began` writes, that legally returned `value` has ended. */
  loaded(page: PageKey, word: number, value: number, began: number, since: number): void {
    if (this.backing.isPlain(page)) this.loadedKey(page, word, value, began, since);
    else if (!this.backing.isUnsure(page) && !this.backing.isChanging(page) && !this.backing.mayHaveCopy(page)) {
      this.loadedKey(this.backing.keyOf(page), word, value, began, since);
    }
  }

  private loadedKey(page: PageKey, word: number, value: number, began: number, since: number): void {
    const { word: w, write } = this.ghost.g;
    const key = this.ghost.wordKey(page, word);
    const seq = this.writeOf(page, word, value);
    if (seq > 0) {
      const passed = write.began.peek(seq % WRITES) + 1;
      if (passed > this.lowest(key)) w.seenFloor.put(key, passed);
      if (w.zero.peek(key) === ZERO_LEGAL && !this.discardedSince(page, since)) w.zero.put(key, ZERO_PASSED);
    } else if (value === 0 && w.last.peek(key) > 0 && began >= this.lowest(key) && !this.ghost.isFileKey(page)) {
      // the zero came behind every store performed before the load began; a write(2) may not have returned with that
      w.seenFloor.put(key, began + 1);
    }
  }

  judge(page: PageKey, word: number, value: number): Legality {
    const legality = this.backing.isPlain(page)
      ? this.judgeKey(page, word, value)
      : this.judgeBacked(page, word, value);
    if (legality === 'legal' || this.ghost.g.mm.moving.peek(this.ghost.mmOf(page)) === 0) return legality;
    return this.comesAlong(page, word, value) ? 'legal' : legality;
  }

  /** Whose write this value is (an owner of ghost.ts), or -1. */
  writerOf(value: number): number {
    const { write, global } = this.ghost.g;
    const last = global.writes.peek(0);
    for (let seq = last; seq > 0 && seq > last - WRITES; seq--) {
      if (write.value.peek(seq % WRITES) === value) return write.owner.peek(seq % WRITES);
    }
    return -1;
  }

  /** Writes of the word with smaller numbers are illegal for some reason. */
  private lowest(key: WordKey): number {
    const { floor, seenFloor } = this.ghost.g.word;
    return Math.max(floor.peek(key), seenFloor.peek(key));
  }

  /** Is it the write of somebody else: of no address space or file that the page shows or showed? */
  isForeign(page: PageKey, value: number): boolean {
    const writer = this.writerOf(value);
    return writer !== this.ghost.mmOf(page) && writer !== this.ghost.ownerOf(this.backing.fileKeyOf(page));
  }

  /** What the word should hold, for reports: what was stored last, or 0 if that was discarded or is no longer known. */
  expected(page: PageKey, word: number): number {
    return this.expectedKey(this.backing.keyOf(page), word);
  }
  expectedKey(page: PageKey, word: number): number {
    const { word: w, write } = this.ghost.g;
    const key = this.ghost.wordKey(page, word);
    const last = w.last.peek(key);
    const row = last % WRITES;
    const known = last > 0 && write.seq.peek(row) === last;
    return known && last >= w.floor.peek(key) ? write.value.peek(row) : 0;
  }

  /** May the disk hold this value after an fsync begun at ghost time `since`? Its begin has left floor and zero of then. */
  isDurable(page: PageKey, word: number, value: number, since: number): boolean {
    const { word: w } = this.ghost.g;
    const key = this.ghost.wordKey(page, word);
    const zero = w.forkZero.peek(key);
    if (zero === ANYTHING || w.zero.peek(key) === ANYTHING) return true;
    const seq = this.writeOf(page, word, value);
    if (seq === TOO_OLD || (seq > 0 && seq >= w.forkFloor.peek(key))) return true;
    if (value === 0) return zero !== ZERO_OVERWRITTEN || this.discardedSince(page, since);
    return seq === NO_WRITE && this.writerOf(value) === WILD;
  }

  /** Was the value legal when `before` writes had been performed, whatever has returned since? */
  wasLegal(page: PageKey, word: number, value: number, before: number): boolean {
    const { word: w, write } = this.ghost.g;
    const seq = this.writeOf(page, word, value);
    if (seq === TOO_OLD) return true;
    let floor = 0;
    for (
      let other = w.last.peek(this.ghost.wordKey(page, word));
      other > 0;
      other = write.before.peek(other % WRITES)
    ) {
      if (write.seq.peek(other % WRITES) !== other) return true;
      if (other <= before) floor = Math.max(floor, write.began.peek(other % WRITES) + 1);
    }
    return seq >= floor && (seq > 0 || value === 0);
  }

  /** Did a discarder overlap what began at ghost time `since`? */
  discardedSince(page: PageKey, since: number): boolean {
    const { page: p } = this.ghost.g;
    return p.discarding.peek(page) > 0 || p.discardedAt.peek(page) > since;
  }

  /** Has a call that has returned since that ghost time discarded what was there, or put something else there? Then it does not say what has moved. */
  private isGoneSince(page: PageKey, since: number): boolean {
    return this.ghost.g.page.discardedAt.peek(page) > since || this.backing.changedSince(page, since);
  }

  /** The newest write of the word with this value, NO_WRITE, or TOO_OLD if that cannot be told. */
  private writeOf(page: PageKey, word: number, value: number): number {
    const { word: w, write } = this.ghost.g;
    for (let seq = w.last.peek(this.ghost.wordKey(page, word)); seq > 0; seq = write.before.peek(seq % WRITES)) {
      if (write.seq.peek(seq % WRITES) !== seq) return TOO_OLD;
      if (write.value.peek(seq % WRITES) === value) return seq;
    }
    return NO_WRITE;
  }

  /** A page that shows a file, or whose backing changes. */
  private judgeBacked(page: PageKey, word: number, value: number): Legality {
    const { backing } = this;
    if (backing.isUnsure(page)) return 'legal';
    const legality = this.judgeKey(backing.keyOf(page), word, value);
    if (legality === 'legal') return legality;
    if (backing.isChanging(page) && this.judgeKey(backing.nextKeyOf(page), word, value) === 'legal') return 'legal';
    if (backing.mayHaveCopy(page)) return 'legal';
    // a private copy that is being discarded: the page follows its file again from some moment on
    const discarded = backing.isPrivate(page) && this.ghost.g.page.discarding.peek(page) > 0;
    return discarded && this.judgeKey(backing.fileKeyOf(page), word, value) === 'legal' ? 'legal' : legality;
  }

  /** The key that a store to the page goes to. The first one of a private mapping of a file makes a copy. */
  private targetOf(page: PageKey): PageKey {
    if (this.backing.follows(page)) this.backing.copies(page);
    return this.backing.keyOf(page);
  }

  /**
   * The last store went to the page when nobody knew what it shows: its value may turn up anywhere, and the words that it
   * may have gone to, or not, can be anything.
   */
  private runsWild(page: PageKey, word: number): void {
    const { write, global } = this.ghost.g;
    write.owner.put(global.writes.peek(0) % WRITES, WILD);
    const { zero } = this.ghost.g.word;
    for (const key of [page, this.backing.fileKeyOf(page), this.backing.nextKeyOf(page)]) {
      zero.put(this.ghost.wordKey(key, word), ANYTHING);
    }
  }

  /** How a value relates to what is legal for the word under this key. */
  judgeKey(page: PageKey, word: number, value: number): Legality {
    const { word: w, page: p } = this.ghost.g;
    const key = this.ghost.wordKey(page, word);
    const zero = w.zero.peek(key);
    if (zero === ANYTHING) return 'legal';
    if (value === 0 && (zero === ZERO_LEGAL || zero === ZERO_PENDING || p.discarding.peek(page) > 0)) return 'legal';
    const seq = this.writeOf(page, word, value);
    if (seq === TOO_OLD) return 'legal';
    if (seq > 0) {
      // what went nobody knows where may still be where nothing has come over it
      if (this.ghost.g.write.owner.peek(seq % WRITES) === WILD) return 'legal';
      if (seq < w.floor.peek(key)) return 'below-floor';
      return seq < w.seenFloor.peek(key) ? 'below-seen' : 'legal';
    }
    if (value !== 0) return this.writerOf(value) === WILD ? 'legal' : 'foreign';
    return zero === ZERO_OVERWRITTEN ? 'below-floor' : 'below-seen';
  }

  /** Is it legal at the other end of an mremap in flight? What moves is at both, until the call returns. */
  private comesAlong(page: PageKey, word: number, value: number): boolean {
    const { task: t } = this.ghost.g;
    const { cpus, tasks } = this.ghost.geometry;
    for (let task = 0 as TaskId; task < cpus + tasks; task++) {
      for (let depth = t.depth.peek(task) - 1; depth >= 0; depth--) {
        if (t.kind.peek(task, depth) !== OP.mremap || t.mm.peek(task, depth) !== this.ghost.mmOf(page)) continue;
        if (this.isOtherEnd(task, depth, page, word, value)) return true;
      }
    }
    return false;
  }

  private isOtherEnd(task: TaskId, depth: number, page: PageKey, word: number, value: number): boolean {
    const { task: t } = this.ghost.g;
    const vpn = this.ghost.vpnOf(page);
    const from = t.from.peek(task, depth);
    const pages = t.pages.peek(task, depth);
    const to = t.to.peek(task, depth);
    for (let i = 0; i < pages; i++) {
      // where to, if not told, is known when the call returns
      const here = to < 0 ? from + i : vpn === to + i ? from + i : vpn === from + i ? to + i : NOWHERE;
      if (here < 0 || here >= this.ghost.geometry.pages) continue;
      const other = this.ghost.pageKey(this.ghost.mmOf(page), here as Vpn);
      if (this.isGoneSince(other, t.since.peek(task, depth))) return true;
      const there = this.backing.isPlain(other)
        ? this.judgeKey(other, word, value)
        : this.judgeBacked(other, word, value);
      if (there === 'legal') return true;
    }
    return false;
  }
}
