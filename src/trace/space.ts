/** What the importer knows of one address space while it walks the log: areas, rights, break, pages touched. */
import type { Op, Prot } from '../program/program.ts';
import { Dependencies } from './dependencies.ts';
import { PageMap } from './page-map.ts';
import type { Backing, ReplayedFile } from './replayed-file.ts';
import { pagesTouched, type Touch, touchOp } from './touch.ts';

/** Where touches come from, and what is counted over all spaces. */
export interface Inferring {
  readonly touch: Touch;
  /** Unsigned 32-bit numbers, used by `sample` only. */
  readonly random: () => number;
  implicitAreas: number;
  pagesTouched: number;
  /** Pages that hold content of their own now, pages of files that were cached, and the most there ever were of both. */
  livePages: number;
  cachedPages: number;
  peakPages: number;
  /** The most areas of one address space. */
  peakAreas: number;
  /** Page tables of the last level that pages touched needed, at most. */
  tables: number;
}

export interface MapOptions {
  /** The call itself makes the pages present. */
  readonly populate?: boolean;
  readonly stack?: boolean;
  readonly backing?: Backing;
}

interface Area {
  readonly prot: Prot;
  /** undefined: anonymous memory. */
  readonly backing: Backing | undefined;
}

/** Pages are those of the machine, not of the log. */
export class Space {
  /** Threads that live in it. */
  users = 1;
  /** First byte behind the heap as recorded; undefined until a brk tells. */
  brk: number | undefined;
  readonly last = new Dependencies();

  constructor(
    private readonly inferring: Inferring,
    private areas = new PageMap<Area>(),
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
  map(from: number, pages: number, prot: Prot, how: MapOptions = {}): Op[] {
    const { populate = false, stack = false, backing } = how;
    this.unmap(from, pages);
    this.areas.set(from, from + pages, { prot, backing });
    if (stack) this.stacks.set(from, from + pages, true);
    if (populate) {
      this.fillAll([{ from, to: from + pages }], { prot, backing });
      return [];
    }
    return this.touched(from, from + pages, { prot, backing });
  }

  unmap(from: number, pages: number): void {
    this.areas.delete(from, from + pages);
    this.stacks.delete(from, from + pages);
    this.discard(from, pages);
  }

  /** Returns touches of what becomes accessible, or becomes writable. */
  protect(from: number, pages: number, prot: Prot): Op[] {
    const before = this.areas.within(from, from + pages);
    for (const { from, to, value } of before) this.areas.set(from, to, { ...value, prot });
    const widened = before.filter(({ value }) => rank(prot) > rank(value.prot));
    return widened.flatMap((s) => this.touched(s.from, s.to, { ...s.value, prot }));
  }

  /** Moves areas with their content. */
  move(from: number, pages: number, to: number, newPages: number): Op[] {
    const { prot, backing } = this.areas.within(from, from + pages)[0]?.value ?? { prot: 'rw', backing: undefined };
    const moved = backing && { ...backing, delta: backing.delta + from - to };
    const content = [...pagesOf(this.live, from, pages)].map((p) => p - from);
    this.unmap(from, pages);
    this.unmap(to, newPages);
    this.areas.set(to, to + newPages, { prot, backing: moved });
    moved?.file.used.set(to + moved.delta, to + newPages + moved.delta, true);
    for (const offset of content) if (offset < newPages) this.fill(to + offset);
    return newPages > pages ? this.touched(to + pages, to + newPages, { prot, backing: moved }) : [];
  }

  /** Files that the range shows, each once. */
  filesIn(from: number, pages: number): ReplayedFile[] {
    const files = this.areas.within(from, from + pages).flatMap(({ value }) => value.backing?.file ?? []);
    return [...new Set(files)];
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
    if (this.inferring.touch === 'none' || known === undefined || rank(known.prot) < rank('rw')) return [];
    return this.fillAll([{ from: page, to: page + 1 }], known);
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
    const missing = this.areas.gaps(from, from + pages).filter((gap) => !this.last.isInFlight(gap, line));
    return missing.map((gap): Op => {
      this.inferring.implicitAreas++;
      this.areas.set(gap.from, gap.to, { prot: 'rw', backing: undefined });
      this.notePeaks();
      return { do: 'mmap', page: gap.from, pages: gap.to - gap.from, prot: 'rw', fixed: true };
    });
  }

  private touched(from: number, to: number, area: Area): Op[] {
    this.notePeaks();
    if (area.prot === 'none') return [];
    const { touch, random } = this.inferring;
    const accessible = touch === 'touch-on-map' ? this.stacks.gaps(from, to) : [{ from, to }];
    return this.fillAll(
      accessible.flatMap((a) => pagesTouched(touch, a.from, a.to, random)),
      area,
    );
  }

  /** The pages of these ranges get content. Nothing lies behind the end of a file: SIGBUS there, so nobody goes there. */
  private fillAll(ranges: { from: number; to: number }[], { prot, backing }: Area): Op[] {
    const end = backing ? backing.file.pages - backing.delta : Number.POSITIVE_INFINITY;
    const inside = ranges.map((r) => ({ from: r.from, to: Math.min(r.to, end) })).filter((r) => r.from < r.to);
    const write = rank(prot) >= rank('rw');
    for (const r of inside) {
      this.inferring.pagesTouched += r.to - r.from;
      for (let page = r.from; page < r.to; page++) {
        if (backing) this.cache(backing.file, page + backing.delta);
        if (!backing || (write && !backing.shared)) this.fill(page);
        else this.needTable(page);
      }
    }
    return inside.map((r) => touchOp(r, write));
  }

  /** A page of a file is read into the page cache. */
  cache(file: ReplayedFile, page: number): void {
    if (!file.cache(page)) return;
    this.inferring.cachedPages++;
    this.notePeaks();
  }

  private fill(page: number): void {
    if (this.live.has(page)) return;
    this.live.add(page);
    this.inferring.livePages++;
    this.needTable(page);
    this.notePeaks();
  }

  private needTable(page: number): void {
    const table = Math.floor(page / 512);
    if (!this.tables.has(table)) this.inferring.tables++;
    this.tables.add(table);
  }

  private notePeaks(): void {
    const i = this.inferring;
    i.peakPages = Math.max(i.peakPages, i.livePages + i.cachedPages);
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
