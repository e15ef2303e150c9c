/** Regions of a litmus text: a name for a run of pages. Names bind page numbers, the same in every address space. */
import type { Op, Program } from './program.ts';

export interface Region {
  readonly name: string;
  readonly page: number;
  readonly pages: number;
}

/** Where the first region without an `at` lies, and the hole after each. Page 0 stays free: it is no hint for mmap. */
const FIRST_PAGE = 8;
const HOLE = 1;

export class Regions {
  private readonly byName = new Map<string, Region>();

  /** @param files names that mean a file where both could stand */
  constructor(private readonly files = new Set<string>()) {}

  addFile(name: string): void {
    this.files.add(name);
  }
  isFile(name: string): boolean {
    return this.files.has(name);
  }

  find(name: string): Region | undefined {
    return this.byName.get(name);
  }

  /** Adds a region; without `at` it goes behind everything that reaches page 8 or further. */
  add(name: string, pages: number, at?: number): void {
    const ends = [...this.byName.values()].map((r) => r.page + r.pages + HOLE);
    this.byName.set(name, { name, pages, page: at ?? Math.max(FIRST_PAGE, ...ends) });
  }

  startsAt(page: number): boolean {
    return [...this.byName.values()].some((r) => r.page === page);
  }

  names(): string[] {
    return [...this.byName.keys()];
  }

  /** A page by name: `p`, `p[1]`, or `@12` where no region covers it. */
  place(page: number): string {
    const region = this.around(page);
    if (!region) return `@${page}`;
    return page === region.page ? region.name : `${region.name}[${page - region.page}]`;
  }

  /** Pages by name: a bare `p` is the whole region, `p[0]` and `@12` one page, a number behind it says how many. */
  range(page: number, pages: number): string {
    const region = this.around(page);
    if (region && page === region.page && pages === region.pages) return region.name;
    if (pages > 1) return `${this.place(page)} ${pages}`;
    return region ? `${region.name}[${page - region.page}]` : `@${page}`;
  }

  private around(page: number): Region | undefined {
    const all = [...this.byName.values()];
    const covers = (r: Region) => page >= r.page && page < r.page + r.pages;
    return all.find((r) => r.page === page) ?? all.find(covers);
  }
}

const NAMES = ['p', 'q', 's', 't', 'u', 'v', 'x', 'y', 'z'];

/** One region per page at which the program maps something, in the order in which the text names them. */
export function regionsOf(program: Program): Regions {
  const regions = new Regions(new Set(program.files?.map((f) => f.name)));
  const names = NAMES.filter((name) => !regions.isFile(name));
  for (const op of opsInTextOrder(program)) {
    if (op.do !== 'mmap' || regions.startsAt(op.page)) continue;
    const n = regions.names().length;
    regions.add(names[n] ?? `m${n}`, op.pages ?? 1, op.page);
  }
  return regions;
}

/** The history, then the rows of the columns from left to right. */
function opsInTextOrder(program: Program): Op[] {
  const rows = Math.max(0, ...program.tasks.map((t) => t.ops.length));
  const concurrent = Array.from({ length: rows }, (_, row) => program.tasks.flatMap((t) => t.ops[row] ?? []));
  return [...program.history.map((h) => h.op), ...concurrent.flat()];
}
