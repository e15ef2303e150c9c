/** What the importer knows of one address space while it walks the log: areas, rights, break, pages touched. */
import type { Op, Prot } from '../program/program.ts';
import type { Step } from './order.ts';
import { PageMap } from './page-map.ts';
import { pagesTouched, type Touch, touchOp } from './touch.ts';

/** Where touches come from, and what is counted over all spaces. */
export interface Inferring {
  readonly touch: Touch;
  /** Unsigned 32-bit numbers, used by `sample` only. */
  readonly random: () => number;
  implicitAreas: number;
  pagesTouched: number;
  /** Pages that hold content now, and the most there ever were. */
  livePages: number;
  peakPages: number;
  /** The most areas of one address space. */
  peakAreas: number;
  /** Page tables of the last level that pages touched needed, at most. */
  tables: number;
}

/** Pages are those of the machine, not of the log. */
export class Space {
  /** Threads that live in it. */
  users = 1;
  /** First byte behind the heap as recorded; undefined until a brk tells. */
  brk: number | undefined;
  /** The last steps on each page: what later steps of other threads may have to wait for. */
  readonly last = new PageMap<readonly Step[]>();

  constructor(
    private readonly inferring: Inferring,
    private areas = new PageMap<Prot>(),
    private readonly live = new Set<number>(),
    private readonly tables = new Set<number>(),
    private readonly stacks = new PageMap<true>(),
  ) {}

  /** The copy that a fork makes. */
  forked(): Space {
    const { areas, live, tables, stacks } = this;
    const child = new Space(this.inferring, areas.copy(), new Set(live), new Set(tables), stacks.copy());
    child.brk = this.brk;
    // shared until written: counted for both, which is the most it can become
    this.inferring.livePages += this.live.size;
    this.inferring.tables += this.tables.size;
    this.notePeaks();
    return child;
  }

  /** Replaces whatever was mapped there. Returns the touches that follow; none if the call itself populates. */
  map(from: number, pages: number, prot: Prot, { populate = false, stack = false } = {}): Op[] {
    this.unmap(from, pages);
    this.areas.set(from, from + pages, prot);
    if (stack) this.stacks.set(from, from + pages, true);
    if (populate) {
      for (let page = from; page < from + pages; page++) this.fill(page);
      return [];
    }
    return this.touched(from, from + pages, prot);
  }

  unmap(from: number, pages: number): void {
    this.areas.delete(from, from + pages);
    this.stacks.delete(from, from + pages);
    this.discard(from, pages);
  }

  /** Returns touches of what becomes accessible, or becomes writable. */
  protect(from: number, pages: number, prot: Prot): Op[] {
    const widened = this.areas.within(from, from + pages).filter(({ value }) => rank(prot) > rank(value));
    this.areas.set(from, from + pages, prot);
    return widened.flatMap((s) => this.touched(s.from, s.to, prot));
  }

  /** Moves areas with their content. */
  move(from: number, pages: number, to: number, newPages: number): Op[] {
    const prot = this.areas.within(from, from + pages)[0]?.value ?? 'rw';
    const content = [...pagesOf(this.live, from, pages)].map((p) => p - from);
    this.unmap(from, pages);
    this.unmap(to, newPages);
    this.areas.set(to, to + newPages, prot);
    for (const offset of content) if (offset < newPages) this.fill(to + offset);
    return newPages > pages ? this.touched(to + pages, to + newPages, prot) : [];
  }

  discard(from: number, pages: number): void {
    for (const page of pagesOf(this.live, from, pages)) {
      this.live.delete(page);
      this.inferring.livePages--;
    }
  }

  /** A thread leaves it, by exec or exit; with the last one everything goes. */
  release(): void {
    if (--this.users > 0) return;
    this.inferring.livePages -= this.live.size;
    this.live.clear();
    this.areas = new PageMap();
  }

  /** The last page of a new thread's stack. */
  touchStack(page: number): Op[] {
    const known = this.areas.within(page, page + 1)[0]?.value;
    if (this.inferring.touch === 'none' || known === undefined || rank(known) < rank('rw')) return [];
    return this.fillAll([{ from: page, to: page + 1 }], true);
  }

  isEmpty(): boolean {
    return this.areas.size === 0;
  }

  isKnown(from: number, pages: number): boolean {
    return this.areas.within(from, from + pages).length > 0;
  }

  /**
   * Operations that create what a call at `line` uses and no call mapped: execve's areas, or a log that begins late. What
   * a call still in flight may have unmapped was there.
   */
  imply(from: number, pages: number, line: number): Op[] {
    const inFlight = (gap: { from: number; to: number }) =>
      this.last.within(gap.from, gap.to).some((s) => s.value.some((step) => step.endLine > line));
    const missing = this.areas.gaps(from, from + pages).filter((gap) => !inFlight(gap));
    return missing.map((gap): Op => {
      this.inferring.implicitAreas++;
      this.areas.set(gap.from, gap.to, 'rw');
      this.notePeaks();
      return { do: 'mmap', page: gap.from, pages: gap.to - gap.from, prot: 'rw', fixed: true };
    });
  }

  private touched(from: number, to: number, prot: Prot): Op[] {
    this.notePeaks();
    if (prot === 'none') return [];
    const { touch, random } = this.inferring;
    const accessible = touch === 'touch-on-map' ? this.stacks.gaps(from, to) : [{ from, to }];
    const ranges = accessible.flatMap((a) => pagesTouched(touch, a.from, a.to, random));
    return this.fillAll(ranges, rank(prot) >= rank('rw'));
  }

  private fillAll(ranges: { from: number; to: number }[], write: boolean): Op[] {
    for (const r of ranges) {
      this.inferring.pagesTouched += r.to - r.from;
      for (let page = r.from; page < r.to; page++) this.fill(page);
    }
    return ranges.map((r) => touchOp(r, write));
  }

  private fill(page: number): void {
    if (this.live.has(page)) return;
    this.live.add(page);
    this.inferring.livePages++;
    const table = Math.floor(page / 512);
    if (!this.tables.has(table)) this.inferring.tables++;
    this.tables.add(table);
    this.notePeaks();
  }

  private notePeaks(): void {
    const i = this.inferring;
    i.peakPages = Math.max(i.peakPages, i.livePages);
    i.peakAreas = Math.max(i.peakAreas, this.areas.size);
  }
}

/** Rights in the order in which they widen what a touch can do: none, read, write. */
function rank(prot: Prot): number {
  return { none: 0, r: 1, rx: 1, rw: 2, rwx: 2 }[prot];
}

function* pagesOf(live: ReadonlySet<number>, from: number, pages: number): Iterable<number> {
  if (pages > live.size) {
    for (const page of [...live]) if (page >= from && page < from + pages) yield page;
  } else for (let page = from; page < from + pages; page++) if (live.has(page)) yield page;
}
