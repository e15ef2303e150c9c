/** Which pages a generated program works on: few, the same for most tasks, and again and again. */
import type { Draw } from './draw.ts';
import type { FileMappings } from './files.ts';
import { PAGES } from './sizes.ts';

export interface PageRange {
  readonly page: number;
  readonly pages: number;
}

/** Page 0 stays free: it is no hint for mmap. */
const FIRST = 1;
/** Pages that are mapped at once, most times. */
const MOST_PAGES = 4;
/** Share of the runs of pages that lie in two page tables, and so under two page-table locks. */
const ACROSS = 0.5;
/** Pages below a page table, with most levels that a generated machine may have. */
const TABLE = 8;
/** Pages remembered as touched or changed, the latest last. */
const MEMORY = 6;

/** How many runs of pages a program maps, and how long they are. */
export interface ObjectBounds {
  readonly objects: readonly [least: number, most: number];
  readonly pages: number;
}

/** The runs of pages that a program maps; the same numbers in every address space. */
export function drawObjects(draw: Draw, { objects: [least, most], pages }: ObjectBounds): PageRange[] {
  const objects: PageRange[] = [];
  const wanted = draw.between(least, most);
  for (let tries = 0; objects.length < wanted && tries < 20; tries++) {
    const object = drawObject(draw, pages);
    if (objects.every((o) => o.page >= object.page + object.pages || object.page >= o.page + o.pages))
      objects.push(object);
  }
  return objects;
}

/** What the operations written so far leave of one address space, if they ran in the order in which they were drawn. */
export class AddressSpace {
  private readonly mapped = new Set<number>();
  private recent: number[] = [];

  /** @param mappings what its mappings may show: one for the whole program */
  constructor(
    private readonly objects: readonly PageRange[],
    readonly mappings: FileMappings,
  ) {}

  forked(): AddressSpace {
    const child = new AddressSpace(this.objects, this.mappings);
    for (const page of this.mapped) child.mapped.add(page);
    child.recent = [...this.recent];
    return child;
  }

  get isEmpty(): boolean {
    return this.mapped.size === 0;
  }

  map({ page, pages }: PageRange): void {
    for (let p = page; p < page + pages; p++) this.mapped.add(p);
    this.remember(page);
  }

  unmap({ page, pages }: PageRange): void {
    for (let p = page; p < page + pages; p++) this.mapped.delete(p);
    this.remember(page);
  }

  /** The page was used or changed: operations to come will prefer it. */
  remember(page: number): void {
    this.recent = [...this.recent.filter((p) => p !== page), page].slice(-MEMORY);
  }

  /** A page for an access: one used before, else a mapped one. @param sharing how much more often than any page */
  pageToUse(draw: Draw, sharing: number): number {
    const pool = { recent: this.recent.length > 0 ? 6 * sharing : 0, mapped: this.isEmpty ? 0 : 3 * sharing, any: 1 };
    const from = draw.weighted(pool);
    if (from === 'recent')
      return this.recent[this.recent.length - 1 - Math.min(draw.below(MEMORY), draw.below(this.recent.length))];
    if (from === 'mapped') return draw.pick([...this.mapped]);
    return draw.between(FIRST, PAGES - 1);
  }

  /** A range to change: around a page used before, mostly within its object. */
  rangeToChange(draw: Draw, sharing: number): PageRange {
    const page = this.pageToUse(draw, sharing);
    const object = this.objects.find((o) => page >= o.page && page < o.page + o.pages) ?? { page, pages: 1 };
    const kind = draw.weighted({ page: 3, object: 3, rest: 2, beyond: 1 });
    if (kind === 'object') return object;
    if (kind === 'rest') return { page, pages: object.page + object.pages - page };
    if (kind === 'beyond') return { page, pages: Math.min(PAGES - page, draw.between(2, 8)) };
    return { page, pages: 1 };
  }

  /** Where to map: an object, else anywhere. */
  rangeToMap(draw: Draw, sharing: number): PageRange {
    const unmapped = this.objects.filter((o) => !this.mapped.has(o.page));
    const from = draw.weighted({ unmapped: unmapped.length > 0 ? 4 * sharing : 0, object: sharing, any: 1 });
    return from === 'unmapped' ? draw.pick(unmapped) : from === 'object' ? draw.pick(this.objects) : drawObject(draw);
  }
}

function drawObject(draw: Draw, most = MOST_PAGES): PageRange {
  const pages = draw.between(1, most);
  if (pages > 1 && draw.chance(ACROSS)) {
    const border = TABLE * draw.between(1, PAGES / TABLE - 1);
    return { page: border - draw.between(1, pages - 1), pages };
  }
  return { page: draw.between(FIRST, PAGES - pages), pages };
}
