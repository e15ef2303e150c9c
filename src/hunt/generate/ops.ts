/** Operations of generated programs, one drawer each: what it writes, and what it leaves of the address space. */
import type { Op, Prot } from '../../program/program.ts';
import type { Draw } from './draw.ts';
import type { AddressSpace, PageRange } from './pages.ts';
import { PAGES, WORDS } from './sizes.ts';
import { drawSoftDirty, drawUffdWp } from './tracking.ts';
import type { TraitName, Traits } from './traits.ts';

const WITHOUT_STORES: Readonly<Record<Prot, Prot>> = { none: 'none', r: 'r', rw: 'r', rx: 'rx', rwx: 'rx' };

type Drawer = (draw: Draw, space: AddressSpace, sharing: number, traits: Traits) => Op;

/** Operations on memory that a user task does alone, by trait. */
const MEMORY_OPS = {
  load: (draw, space, sharing) => ({ do: 'load', ...access(draw, space, sharing) }),
  store: (draw, space, sharing) => ({ do: 'store', ...access(draw, space, sharing) }),
  fetch: (draw, space, sharing) => ({ do: 'fetch', ...access(draw, space, sharing) }),
  touch(draw, space, sharing) {
    const range = space.rangeToChange(draw, sharing);
    space.remember(range.page);
    return { do: 'touch', ...spelt(range), ...(draw.chance(0.6) ? { write: true } : {}) };
  },
  mmap(draw, space, sharing, traits) {
    const range = space.rangeToMap(draw, sharing);
    space.map(range);
    const prot = draw.weighted<Prot>({ rw: 10, r: 2, none: 1, rwx: 1 })!;
    const fixed = draw.chance(0.75) ? { fixed: true } : {};
    const populate = draw.chance(0.15) ? { populate: true } : {};
    const mapped = space.mappings.draw(draw, traits, range.pages) ?? {};
    const rights = space.mappings.mayStore(mapped) ? prot : WITHOUT_STORES[prot];
    return { do: 'mmap', ...spelt(range), prot: rights, ...fixed, ...populate, ...mapped };
  },
  munmap(draw, space, sharing) {
    const range = space.rangeToChange(draw, sharing);
    space.unmap(range);
    return { do: 'munmap', ...spelt(range) };
  },
  mprotect(draw, space, sharing) {
    const range = space.rangeToChange(draw, sharing);
    space.remember(range.page);
    return { do: 'mprotect', ...spelt(range), prot: draw.weighted<Prot>({ r: 5, rw: 4, none: 2, rwx: 1 })! };
  },
  mremap(draw, space, sharing) {
    const range = space.rangeToChange(draw, sharing);
    const newPages = draw.chance(0.6) ? range.pages : draw.between(1, 6);
    const size = newPages === range.pages ? {} : { newPages };
    const target = space.rangeToMap(draw, sharing).page;
    space.unmap(range);
    if (target + newPages > PAGES || draw.chance(0.25)) {
      space.map({ page: range.page, pages: Math.min(newPages, PAGES - range.page) });
      return { do: 'mremap', ...spelt(range), ...size };
    }
    space.map({ page: target, pages: newPages });
    return { do: 'mremap', ...spelt(range), to: target, ...size };
  },
  dontneed(draw, space, sharing) {
    const range = space.rangeToChange(draw, sharing);
    space.remember(range.page);
    return { do: 'madvise', ...spelt(range), advice: 'dontneed' };
  },
  free(draw, space, sharing) {
    const range = space.rangeToChange(draw, sharing);
    space.remember(range.page);
    return { do: 'madvise', ...spelt(range), advice: draw.chance(0.85) ? 'free' : 'cold' };
  },
  pageout(draw, space, sharing) {
    const range = space.rangeToChange(draw, sharing);
    space.remember(range.page);
    return { do: 'madvise', ...spelt(range), advice: 'pageout' };
  },
  msync(draw, space, sharing) {
    const range = space.rangeToChange(draw, sharing);
    space.remember(range.page);
    return { do: 'msync', ...spelt(range) };
  },
  numascan(draw, space, sharing) {
    const range = space.rangeToChange(draw, sharing);
    space.remember(range.page);
    return { do: 'numascan', ...spelt(range) };
  },
  gup(draw, space, sharing) {
    const range = space.rangeToChange(draw, sharing);
    space.remember(range.page);
    return {
      do: 'gup',
      ...spelt(range),
      ...(draw.chance(0.2) ? { word: draw.between(1, WORDS - 1) } : {}),
      ...(draw.chance(0.65) ? { fast: true } : {}),
      ...(draw.chance(0.5) ? { write: true } : {}),
    };
  },
  clearrefs(draw, space, sharing) {
    const range = space.rangeToChange(draw, sharing);
    space.remember(range.page);
    return drawSoftDirty(draw, range);
  },
  uffdwp(draw, space, sharing) {
    const range = space.rangeToChange(draw, sharing);
    space.remember(range.page);
    return drawUffdWp(draw, range);
  },
  devmigrate(draw, space, sharing) {
    const range = space.rangeToChange(draw, sharing);
    space.remember(range.page);
    return { do: 'devmigrate', ...spelt(range) };
  },
} satisfies Partial<Record<TraitName, Drawer>>;

export type MemoryOp = keyof typeof MEMORY_OPS;

/** How often each appears before the weights of the traits. */
const SHARES: Readonly<Record<MemoryOp, number>> = {
  load: 5,
  store: 6,
  fetch: 0.5,
  touch: 2,
  mmap: 2,
  munmap: 2,
  mprotect: 1.5,
  mremap: 1,
  dontneed: 1.5,
  free: 0.7,
  pageout: 0.7,
  msync: 0.5,
  numascan: 2,
  gup: 0.5,
  clearrefs: 0.25,
  uffdwp: 0.3,
  devmigrate: 0.5,
};

const ACCESSES: readonly MemoryOp[] = ['load', 'store', 'fetch', 'touch', 'gup'];

/** Operations that take a translation, or rights, away. */
const REMOVERS: readonly MemoryOp[] = ['munmap', 'mprotect', 'mremap', 'dontneed', 'numascan', 'devmigrate'];

/** Shares of the operations on memory: all, or only accesses or removers. */
export function memoryShares(traits: Traits, only?: 'accesses' | 'removers'): Partial<Record<MemoryOp, number>> {
  const names = only === 'accesses' ? ACCESSES : only === 'removers' ? REMOVERS : (Object.keys(SHARES) as MemoryOp[]);
  return Object.fromEntries(names.map((name) => [name, SHARES[name] * traits[name]]));
}

export function drawMemoryOp(name: MemoryOp, draw: Draw, space: AddressSpace, traits: Traits): Op {
  return MEMORY_OPS[name](draw, space, traits.shared, traits);
}

function access(draw: Draw, space: AddressSpace, sharing: number): { page: number; word?: number } {
  const page = space.pageToUse(draw, sharing);
  space.remember(page);
  return draw.chance(0.3) ? { page, word: draw.between(1, WORDS - 1) } : { page };
}

function spelt({ page, pages }: PageRange): { page: number; pages?: number } {
  return pages === 1 ? { page } : { page, pages };
}
