/**
 * What a page of an address space shows: anonymous memory, a page of a file, or a private copy of one. It follows from what
 * programs asked for, never from page tables. While an operation that changes it is in flight, both are possible; where such
 * operations overlapped it is no longer followed, and everything may be seen. Only for the stepper.
 */
import type { Vpn } from '../hardware/types.ts';
import { type FileId, type MmId, type TaskId, VM_SHARED, VM_WRITE } from '../kernel/types.ts';
import type { Ghost } from './ghost.ts';
import { OP, type OpKind } from './ops.ts';
import type { PageKey } from './tables.ts';
import { ANYTHING } from './zero.ts';

/** A page of a file plus one; negative if the mapping is private. */
type Backed = number;
const ANONYMOUS: Backed = 0;
/** Behind the last page that any file can have: page 0 of file 0, which is empty for ever. */
const NOWHERE: Backed = 1;

export class Backing {
  constructor(private readonly ghost: Ghost) {}

  /** Anonymous memory, and nothing that changes that: the page's own words are what it shows. */
  isPlain(page: PageKey): boolean {
    const { page: p } = this.ghost.g;
    return p.backing.peek(page) === ANONYMOUS && p.rebacking.peek(page) === 0 && p.unsure.peek(page) === 0;
  }
  isUnsure(page: PageKey): boolean {
    return this.ghost.g.page.unsure.peek(page) === 1;
  }
  isChanging(page: PageKey): boolean {
    return this.ghost.g.page.rebacking.peek(page) > 0;
  }

  /** The key under which what the page shows is kept. */
  keyOf(page: PageKey): PageKey {
    const { page: p } = this.ghost.g;
    return p.copied.peek(page) === 1 ? page : this.keyOfBacked(page, p.backing.peek(page));
  }
  /** The key of what it will show when the change in flight is over. */
  nextKeyOf(page: PageKey): PageKey {
    return this.keyOfBacked(page, this.ghost.g.page.nextBacking.peek(page));
  }
  /** The key of the file's page behind it, copied or not; its own for anonymous memory. */
  fileKeyOf(page: PageKey): PageKey {
    return this.keyOfBacked(page, this.ghost.g.page.backing.peek(page));
  }
  /** The page of the file (file * filePages + index) that it shows or has a copy of, or -1. */
  filePageOf(page: PageKey): number {
    return Math.abs(this.ghost.g.page.backing.peek(page)) - 1;
  }
  isPrivate(page: PageKey): boolean {
    return this.ghost.g.page.backing.peek(page) < 0;
  }
  /** A private mapping that still follows its file. */
  follows(page: PageKey): boolean {
    return this.isPrivate(page) && this.ghost.g.page.copied.peek(page) === 0;
  }
  /** Has it been certain since that ghost time what the page shows? */
  isKnownSince(page: PageKey, since: number): boolean {
    return !this.isUnsure(page) && !this.isChanging(page) && !this.changedSince(page, since);
  }
  changedSince(page: PageKey, since: number): boolean {
    return this.ghost.g.page.backedAt.peek(page) > since;
  }
  /** Has what it shows changed under an operation in flight that takes the mapping away? */
  changedUnderDiscard(page: PageKey): boolean {
    const { page: p } = this.ghost.g;
    return p.discarding.peek(page) > 0 && this.changedSince(page, p.discardingSince.peek(page));
  }
  /** A private mapping that follows its file, or is made to, or has a copy, or a new one, by now: which of them, nobody can tell. */
  mayHaveCopy(page: PageKey): boolean {
    return this.mayFollow(page) && this.isCopying(page);
  }
  /** A private mapping that follows its file, or loses its copy to a call in flight. */
  private mayFollow(page: PageKey): boolean {
    return this.follows(page) || (this.isPrivate(page) && this.ghost.g.page.discarding.peek(page) > 0);
  }
  /** A store fault there is in flight: a private mapping may have a copy already. */
  isCopying(page: PageKey): boolean {
    const { task: t } = this.ghost.g;
    const { cpus, tasks } = this.ghost.geometry;
    for (let task = 0 as TaskId; task < cpus + tasks; task++) {
      for (let depth = t.depth.peek(task) - 1; depth >= 0; depth--) {
        const kind = t.kind.peek(task, depth);
        if (kind === OP.uprobe && this.isPrivate(page) && this.filePageOf(page) === this.probedBy(task, depth))
          return true;
        if ((kind !== OP.fault && kind !== OP.gup) || t.rights.peek(task, depth) !== VM_WRITE) continue;
        const first = this.pageAt(task, depth, t.from.peek(task, depth));
        if (page >= first && page < first + (kind === OP.fault ? 1 : t.pages.peek(task, depth))) return true;
      }
    }
    return false;
  }

  /** The page of a file in which the uprobe call in flight has its breakpoint: private mappings of it get copies of their own. */
  probedBy(task: TaskId, depth: number): number {
    const { task: t } = this.ghost.g;
    return t.file.peek(task, depth) * this.ghost.geometry.filePages + t.from.peek(task, depth);
  }

  /** From now on the private mapping has, or may have, a copy of its own. */
  copies(page: PageKey): void {
    // what it shows next may be private, and then has the copy: whoever puts it there must find a change
    if (this.isChanging(page)) this.touched(page);
    if (!this.isPrivate(page)) return;
    if (this.mayFollow(page)) this.blurOwn(page);
    this.ghost.g.page.copied.put(page, 1);
    this.touched(page);
  }
  /** Every word of the page's own may be anything until it is stored to: nobody knows when the copy was made. */
  blurOwn(page: PageKey): void {
    const { zero } = this.ghost.g.word;
    for (let k = 0; k < this.ghost.geometry.wordsPerPage; k++) zero.put(this.ghost.wordKey(page, k), ANYTHING);
  }
  /** The copy is gone: the page follows its file again. */
  dropsCopy(page: PageKey): void {
    this.ghost.g.page.copied.put(page, 0);
    this.touched(page);
  }
  becomesUnsure(page: PageKey): void {
    this.ghost.g.page.unsure.put(page, 1);
    this.touched(page);
  }

  /** A system call begins; mmap and mremap that choose their place are heard of in `placed`. */
  begin(kind: OpKind, task: TaskId, depth: number): void {
    const { task: t } = this.ghost.g;
    if (kind === OP.mmap && t.fixed.peek(task, depth) === 1) this.place(task, depth, t.from.peek(task, depth));
    if (kind === OP.mremap && t.to.peek(task, depth) >= 0) this.place(task, depth, t.to.peek(task, depth));
  }

  /** The mapping of the call in flight will start at page `start`. */
  place(task: TaskId, depth: number, start: number): void {
    const { task: t, page: p } = this.ghost.g;
    const kind = t.kind.peek(task, depth) as OpKind;
    if ((kind !== OP.mmap && kind !== OP.mremap) || t.placed.peek(task, depth) !== 0) return;
    t.placed.put(task, start + 1, depth);
    for (let i = this.firstPlaced(kind, task, depth); i < this.pagesPlaced(kind, task, depth); i++) {
      const page = this.pageAt(task, depth, start + i);
      if (p.rebacking.peek(page) > 0) p.unsure.put(page, 1);
      p.rebacking.put(page, p.rebacking.peek(page) + 1);
      p.nextBacking.put(page, this.backingAfter(kind, task, depth, i));
      if (this.populatesCopies(kind, task, depth)) p.unsure.put(page, 1);
    }
  }

  /** The mmap in flight of shared anonymous memory maps a file of its own, as has turned out. */
  mapsFile(task: TaskId, depth: number, file: FileId): void {
    const { task: t, page: p } = this.ghost.g;
    t.file.put(task, file, depth);
    const start = t.placed.peek(task, depth) - 1;
    for (let i = 0; start >= 0 && i < this.pagesPlaced(OP.mmap, task, depth); i++) {
      p.nextBacking.put(this.pageAt(task, depth, start + i), this.backingAfter(OP.mmap, task, depth, i));
    }
  }
  /** The file is gone: what pages that showed it, or were about to, show until they are mapped anew is not followed. */
  forgetFile(file: FileId): void {
    const { page: p } = this.ghost.g;
    const { mms, pages, filePages } = this.ghost.geometry;
    const shows = (backing: Backed) => Math.floor((Math.abs(backing) - 1) / filePages) === file;
    for (let page = 0 as PageKey; page < (mms + 1) * pages; page++) {
      if (shows(p.backing.peek(page)) || shows(p.nextBacking.peek(page))) this.becomesUnsure(page);
    }
  }

  /** @param result negative: failed; the place shows what it showed, or nothing any more. */
  end(kind: OpKind, task: TaskId, depth: number, result: number): void {
    const { task: t, page: p } = this.ghost.g;
    if (kind !== OP.mmap && kind !== OP.mremap) return;
    const start = t.placed.peek(task, depth) - 1;
    if (start < 0) return;
    const since = t.since.peek(task, depth);
    for (let i = this.firstPlaced(kind, task, depth); i < this.pagesPlaced(kind, task, depth); i++) {
      const page = this.pageAt(task, depth, start + i);
      const alone = p.rebacking.peek(page) === 1 && p.backedAt.peek(page) <= since;
      if (result >= 0) this.settle(kind, task, depth, page, i, alone);
      else if (kind === OP.mremap) p.unsure.put(page, 1);
      p.rebacking.put(page, p.rebacking.peek(page) - 1);
      this.touched(page);
    }
  }

  /** The page shows what the call put there. */
  private settle(kind: OpKind, task: TaskId, depth: number, page: PageKey, i: number, alone: boolean): void {
    const { task: t, page: p } = this.ghost.g;
    p.backing.put(page, p.nextBacking.peek(page));
    p.copied.put(page, 0);
    if (this.populatesCopies(kind, task, depth)) this.copies(page);
    p.unsure.put(page, alone ? 0 : 1);
    if (kind !== OP.mremap) return;
    const moved = i < t.pages.peek(task, depth);
    const source = this.sourceOf(task, depth, i);
    const known = this.isKnownSince(source, t.since.peek(task, depth)) && !(moved && this.isCopying(source));
    if (!known) p.unsure.put(page, 1);
    if (moved) p.copied.put(page, p.copied.peek(source));
  }

  /** All pages of a new address space: anonymous, as far as anybody can tell. */
  forget(mm: MmId): void {
    const { page: p } = this.ghost.g;
    const first = this.ghost.pageKey(mm, 0 as Vpn);
    for (let page = first; page < first + this.ghost.geometry.pages; page++) {
      for (const field of [p.backing, p.copied, p.nextBacking, p.rebacking, p.unsure]) {
        if (field.peek(page) !== 0) field.put(page, 0);
      }
    }
  }
  /** The child's page shows what the parent's did at some moment since `since`; `discarded`: something discarded it since. */
  inherit(page: PageKey, copy: PageKey, since: number, discarded: boolean): void {
    const { page: p } = this.ghost.g;
    if (this.isPlain(page) && !this.changedSince(page, since)) return;
    p.backing.put(copy, p.backing.peek(page));
    p.copied.put(copy, p.copied.peek(page));
    const changing = this.isChanging(page) || this.changedSince(page, since) || this.isCopying(page);
    // of a private copy that is discarded meanwhile, the child has it or follows the file
    const known = !this.isUnsure(page) && !changing && !(discarded && this.isPrivate(page));
    p.unsure.put(copy, known ? 0 : 1);
  }

  /** Every page of any address space with this file's page or one behind it in a private mapping. */
  forPrivateOf(filePage: number, end: number, each: (page: PageKey) => void): void {
    const { page: p } = this.ghost.g;
    const { mms, pages } = this.ghost.geometry;
    for (let page = 0 as PageKey; page < (mms + 1) * pages; page++) {
      const backing = p.backing.peek(page);
      if (backing < 0 && -backing - 1 >= filePage && -backing - 1 < end) each(page);
    }
  }

  /** MAP_POPULATE of a private mapping that may be written to makes the copies at once. */
  private populatesCopies(kind: OpKind, task: TaskId, depth: number): boolean {
    const { task: t } = this.ghost.g;
    const rights = t.rights.peek(task, depth);
    const copies = (rights & VM_WRITE) !== 0 && (rights & VM_SHARED) === 0 && t.file.peek(task, depth) !== 0;
    return kind === OP.mmap && copies && t.populate.peek(task, depth) === 1;
  }

  private backingAfter(kind: OpKind, task: TaskId, depth: number, i: number): Backed {
    const { task: t, page: p } = this.ghost.g;
    if (kind === OP.mmap) {
      const file = t.file.peek(task, depth);
      if (file === 0) return ANONYMOUS;
      const sign = (t.rights.peek(task, depth) & VM_SHARED) !== 0 ? 1 : -1;
      return sign * this.behind(file * this.ghost.geometry.filePages + 1, t.pgoff.peek(task, depth) + i);
    }
    const source = p.backing.peek(this.sourceOf(task, depth, i));
    const grown = Math.max(0, i - t.pages.peek(task, depth) + 1);
    return source === ANONYMOUS ? source : Math.sign(source) * this.behind(Math.abs(source), grown);
  }
  /** The page of the old mapping that page `i` of the new one follows from: the same, or the last if the mapping grows. */
  private sourceOf(task: TaskId, depth: number, i: number): PageKey {
    const { task: t } = this.ghost.g;
    return this.pageAt(task, depth, t.from.peek(task, depth) + Math.min(i, t.pages.peek(task, depth) - 1));
  }
  /** What comes `pages` behind it in the same file. */
  private behind(backed: Backed, pages: number): Backed {
    const { filePages } = this.ghost.geometry;
    const inside = backed > filePages && ((backed - 1) % filePages) + pages < filePages;
    return inside ? backed + pages : NOWHERE;
  }

  /** A mapping that grows in place only places what is new. */
  private firstPlaced(kind: OpKind, task: TaskId, depth: number): number {
    const { task: t } = this.ghost.g;
    const inPlace = kind === OP.mremap && t.placed.peek(task, depth) - 1 === t.from.peek(task, depth);
    return inPlace ? t.pages.peek(task, depth) : 0;
  }

  private pagesPlaced(kind: OpKind, task: TaskId, depth: number): number {
    const { task: t } = this.ghost.g;
    const wanted = kind === OP.mmap ? t.pages.peek(task, depth) : t.toPages.peek(task, depth);
    return Math.max(0, Math.min(wanted, this.ghost.geometry.pages - t.placed.peek(task, depth) + 1));
  }

  private keyOfBacked(page: PageKey, backing: Backed): PageKey {
    return backing === ANONYMOUS ? page : this.ghost.fileKey(Math.abs(backing) - 1);
  }
  private pageAt(task: TaskId, depth: number, vpn: number): PageKey {
    return this.ghost.pageKey(this.ghost.g.task.mm.peek(task, depth) as MmId, vpn as Vpn);
  }
  private touched(page: PageKey): void {
    this.ghost.g.page.backedAt.put(page, this.ghost.tick());
  }
}
