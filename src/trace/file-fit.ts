/**
 * Recorded files on a machine that has fewer and shorter ones. Pages that no operation names are left out, so that those
 * that are named keep their order, and neighbours stay neighbours: offsets of mappings and ends of files stay right.
 */
import { GEOMETRY_BOUNDS } from '../hardware/geometry.ts';
import type { FileSpec, Op } from '../program/program.ts';
import type { PageMap } from './page-map.ts';
import type { ReplayedFile } from './replayed-file.ts';

/** Files times pages at most: each page has its words on the machine's disk, some 80 bytes of the host. */
const MOST_PAGES = 1 << 20;

export class FileFit {
  readonly specs: FileSpec[] = [];
  /** Files that found no place. */
  readonly unfit: { name: string; pages: number }[] = [];
  private readonly fitted = new Map<string, { name: string; fold: (page: number) => number }>();
  /** Of all files that found one. */
  pages = 0;
  private longest = 0;

  /** Those that several processes map come first, then as they come. */
  constructor(files: readonly ReplayedFile[]) {
    const bySharers = (least: number) => files.filter((f) => f.of.self.mappers.size > 1 === least > 1);
    for (const file of [...bySharers(2), ...bySharers(1)]) this.place(file);
  }

  /** Has the file of that key a place? */
  has(key: string): boolean {
    return this.fitted.has(key);
  }

  /** Pages of the longest file. */
  get filePages(): number {
    return this.longest;
  }

  /** The operation on the machine's files: without its file if that has no place, and nothing if nothing is left of it. */
  fit(op: Op): Op[] {
    if (!('file' in op) || op.file === undefined) return [op];
    const at = this.fitted.get(op.file);
    if (op.do === 'mmap') {
      const { file, offset = 0, shared, ...anonymous } = op;
      return [at ? { ...op, file: at.name, offset: at.fold(offset) } : anonymous];
    }
    if (!at) return [];
    if (op.do === 'truncate') return [{ ...op, file: at.name, pages: at.fold(op.pages) }];
    if (!('page' in op)) return [{ ...op, file: at.name }];
    return [{ ...op, file: at.name, page: at.fold(op.page) }];
  }

  private place({ key, of, used }: ReplayedFile): void {
    const fold = foldOf(used);
    const pages = fold(Number.MAX_SAFE_INTEGER);
    const longest = Math.max(this.longest, pages);
    const fits = this.specs.length < GEOMETRY_BOUNDS.files[1] && longest <= GEOMETRY_BOUNDS.filePages[1];
    if (!fits || (this.specs.length + 2) * longest > MOST_PAGES) {
      this.unfit.push({ name: of.self.name, pages });
      return;
    }
    const name = this.nameFor(of.self.name);
    this.longest = longest;
    this.pages += pages;
    const start = { name, pages: fold(of.self.pagesAtStart) };
    this.specs.push(of.self.isMemory ? { ...start, memory: true } : start);
    this.fitted.set(key, { name, fold });
  }

  /** The last part of the path as a word, with a number if there is another one. */
  private nameFor(path: string): string {
    const word = path.replace(/^.*\/(?=.)/, '').replace(/\W+/g, '_') || 'file';
    const base = /^[A-Za-z_]/.test(word) ? word : `f_${word}`;
    const taken = (name: string) => this.specs.some((s) => s.name === name);
    if (!taken(base)) return base;
    let n = 2;
    while (taken(`${base}_${n}`)) n++;
    return `${base}_${n}`;
  }
}

/** For a page of the file, how many of the pages before it are used. */
function foldOf(used: PageMap<true>): (page: number) => number {
  let pages = 0;
  const segments = used.within(0, Number.MAX_SAFE_INTEGER).map(({ from, to }) => {
    pages += to - from;
    return { from, to, behind: pages };
  });
  return (page) => {
    let low = 0;
    let high = segments.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (segments[mid].to > page) high = mid;
      else low = mid + 1;
    }
    const next = segments[low];
    const before = low > 0 ? segments[low - 1].behind : 0;
    return before + (next ? Math.max(0, page - next.from) : 0);
  };
}
