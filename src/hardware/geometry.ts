/** The sizes of a machine: every number is a parameter, from tiny (hunting) to full (measuring). */
import { shaped } from '../memory/combined.ts';
import type { Pfn, Vpn } from './types.ts';

/** Bounds: `[smallest, largest]` allowed value of a parameter, inclusive. */
export const GEOMETRY_BOUNDS = {
  cpus: [1, 64],
  /** Bits per page-table level, root first, as decimal digits: 1123 is four levels of 1, 1, 2 and 3 bits. */
  levels: [1, 99999],
  /** Page frames, all uses. */
  frames: [8, 1 << 20],
  /** Memory nodes: 0 is fast and has every CPU, 1 is slow and has none (a tier of its own). */
  nodes: [1, 2],
  /** Frames of node 0 where there are two, those with the lowest numbers; the others are node 1. */
  fastFrames: [0, 1 << 20],
  /**
   * Free frames of a node, those of per-CPU lists aside: at `watermarkLow` the node's daemon is woken, which reclaims until there
   * are more than `watermarkHigh`; at `watermarkMin` whoever allocates reclaims. 0: there are no watermarks.
   */
  watermarkMin: [0, 1 << 20],
  watermarkLow: [0, 1 << 20],
  watermarkHigh: [0, 1 << 20],
  /** 32-bit words of content that a page models. */
  wordsPerPage: [1, 1024],
  tlbSets: [1, 1024],
  tlbWays: [1, 16],
  pscEntries: [1, 64],
  /** Stores that a CPU may hold back, where memory has store buffers. */
  storeBuffer: [1, 64],
  /** Address spaces that can exist at once. */
  mms: [1, 64],
  vmas: [4, 1 << 16],
  tasks: [1, 256],
  /** Flags that tasks of a program post and await. */
  flags: [1, 1 << 16],
  /** Files of the machine's one file system. */
  files: [0, 64],
  /** Pages that each file may have at most. */
  filePages: [1, 1 << 16],
  /** Pages that fit on the swap device. 0: no swap, and no way from an anonymous folio to the entries that map it. */
  swapSlots: [0, 1 << 16],
  /**
   * Folios that one call of reclaim or migration takes at most, and that it frees in one go (Linux: SWAP_CLUSTER_MAX, a
   * folio_batch).
   */
  reclaimBatch: [1, 512],
  /** Dynamic address-space ids per CPU (Linux: TLB_NR_DYN_ASIDS = 6). */
  asids: [1, 6],
  /** CPUs per word of a cpumask. */
  cpumaskBits: [1, 32],
  /** Pages moved at once between a per-CPU list and the buddy lists. */
  pcpBatch: [1, 512],
  /** Pages a per-CPU list may hold before a batch goes back. */
  pcpHigh: [0, 4096],
  /** Rows of luf_batch[], of which row 0 is never used (LUF v12: 65536). A small table hands its keys out again soon. */
  lufKeys: [2, 1 << 16],
  /** Pages an mmu_gather collects before it must flush (Linux: about 10,000). */
  gatherBatch: [1, 1 << 14],
  /** PTEs a walk handles before it drops and retakes the page-table lock. */
  pteWalkLimit: [1, 1 << 14],
  /** Linux: tlb_single_page_flush_ceiling. */
  flushCeiling: [0, 1 << 14],
  /**
   * Page tables that wait to be freed at which whoever adds one pays for a grace period at once (Linux: rcutree.qhimark). 0: an eighth of
   * the frames, at least 2.
   */
  qhimark: [0, 1 << 20],
  /** A shootdown asks unused CPUs to leave the cpumask once in so many generations of the mm (Linux: once a second). */
  trimEvery: [1, 1 << 20],
} as const;

export type GeometryName = keyof typeof GEOMETRY_BOUNDS;

type Sizes = { readonly [K in GeometryName]: number };

export interface Geometry extends Sizes {
  /** Bits per level, root first. */
  readonly levelBits: readonly number[];
  /** Bits of a page number below each level's index, root first; the last is 0. */
  readonly levelShift: readonly number[];
  /** Virtual pages of an address space. */
  readonly pages: number;
  /** Words a frame occupies in the image: enough for its content or for the largest table. */
  readonly frameWords: number;
  /** Words of a cpumask. */
  readonly maskWords: number;
  /** First frame of the slow node; `frames` where there is none. */
  readonly slowFrom: number;
}

const TINY: Sizes = {
  cpus: 2,
  levels: 23,
  frames: 40,
  nodes: 1,
  fastFrames: 0,
  watermarkMin: 0,
  watermarkLow: 0,
  watermarkHigh: 0,
  wordsPerPage: 4,
  tlbSets: 8,
  tlbWays: 2,
  pscEntries: 2,
  storeBuffer: 4,
  mms: 4,
  vmas: 24,
  tasks: 16,
  flags: 32,
  files: 2,
  filePages: 8,
  swapSlots: 0,
  reclaimBatch: 4,
  asids: 2,
  cpumaskBits: 32,
  pcpBatch: 1,
  pcpHigh: 2,
  lufKeys: 4,
  gatherBatch: 8,
  pteWalkLimit: 4,
  flushCeiling: 4,
  qhimark: 0,
  trimEvery: 4,
};

const SMALL: Sizes = {
  ...TINY,
  levels: 2345,
  frames: 4096,
  tlbSets: 64,
  tlbWays: 4,
  pscEntries: 8,
  mms: 16,
  vmas: 512,
  tasks: 64,
  files: 4,
  filePages: 512,
  reclaimBatch: 31,
  asids: 6,
  pcpBatch: 8,
  pcpHigh: 32,
  lufKeys: 256,
  gatherBatch: 512,
  pteWalkLimit: 32,
  flushCeiling: 33,
  trimEvery: 64,
};

const FULL: Sizes = {
  ...SMALL,
  // 32-bit page numbers: 44-bit addresses
  levels: 5999,
  frames: 1 << 15,
  wordsPerPage: 16,
  tlbSets: 256,
  tlbWays: 8,
  pscEntries: 32,
  vmas: 1 << 14,
  filePages: 1 << 13,
  lufKeys: 1 << 16,
  gatherBatch: 10_000,
  pteWalkLimit: 512,
  trimEvery: 1024,
};

export const GEOMETRIES = { tiny: TINY, small: SMALL, full: FULL } as const;

/** Words of physical memory at most: 1 GiB of host memory. */
const MOST_WORDS = 1 << 28;

/** Bad parameters of a machine: what, and what was expected. One line. */
export class GeometryError extends Error {}

/**
 * The geometry of that name with single parameters replaced.
 * @throws GeometryError for an unknown name, a value that is no integer or out of bounds, or an impossible combination.
 */
export function geometry(name: keyof typeof GEOMETRIES, override: Record<string, number> = {}): Geometry {
  const preset = Object.hasOwn(GEOMETRIES, name) ? GEOMETRIES[name] : undefined;
  if (!preset) throw new GeometryError(`geometry "${name}": expected ${Object.keys(GEOMETRIES).join(', ')}`);
  for (const [key, value] of Object.entries(override)) {
    const bounds = Object.hasOwn(GEOMETRY_BOUNDS, key) ? GEOMETRY_BOUNDS[key as GeometryName] : undefined;
    if (!bounds)
      throw new GeometryError(`geometry parameter "${key}": expected ${Object.keys(GEOMETRY_BOUNDS).join(', ')}`);
    if (!Number.isInteger(value) || value < bounds[0] || value > bounds[1]) {
      throw new GeometryError(
        `geometry parameter ${key} = ${value}: expected an integer from ${bounds[0]} to ${bounds[1]}`,
      );
    }
  }
  const sizes: Sizes = { ...preset, ...override };
  const levelBits = String(sizes.levels).split('').map(Number);
  const bits = levelBits.reduce((a, b) => a + b, 0);
  if (levelBits.length > 5 || levelBits.some((b) => b < 1) || bits > 32) {
    throw new GeometryError(
      `geometry parameter levels = ${sizes.levels}: expected 1 to 5 digits from 1 to 9, at most 32 bits in all`,
    );
  }
  checkNodes(sizes);
  // an entry is a pair of words
  const tableWords = 2 << Math.max(...levelBits);
  const frameWords = Math.max(sizes.wordsPerPage + (sizes.wordsPerPage & 1), tableWords);
  if (sizes.frames * frameWords > MOST_WORDS) {
    throw new GeometryError(
      `geometry parameter frames = ${sizes.frames}: expected at most ${Math.floor(MOST_WORDS / frameWords)} with frames of ${frameWords} words`,
    );
  }
  return shaped({
    ...sizes,
    levelBits,
    levelShift: levelBits.map((_, level) => levelBits.slice(level + 1).reduce((a, b) => a + b, 0)),
    // a product, because powers are doubles: every word that is computed from them would be kept as one
    pages: levelBits.reduce((pages, b) => pages * (1 << b), 1),
    frameWords,
    maskWords: Math.ceil(sizes.cpus / sizes.cpumaskBits),
    slowFrom: sizes.nodes > 1 ? sizes.fastFrames : sizes.frames,
  });
}

/** Neither node is empty, frame 0 and the zero page aside; watermarks rise. */
function checkNodes({ nodes, frames, fastFrames, watermarkMin, watermarkLow, watermarkHigh }: Sizes): void {
  if (nodes > 1 && (fastFrames < 2 || fastFrames > frames - 2)) {
    throw new GeometryError(
      `geometry parameter fastFrames = ${fastFrames}: expected 2 to ${frames - 2} with two nodes`,
    );
  }
  if (watermarkMin > watermarkLow || watermarkLow > watermarkHigh) {
    throw new GeometryError(
      `geometry parameters watermarkMin, watermarkLow, watermarkHigh = ${watermarkMin}, ${watermarkLow}, ${watermarkHigh}: expected to rise`,
    );
  }
}

/** Linux: page_to_nid(). */
export function nodeOf(g: Geometry, pfn: Pfn): number {
  return pfn < g.slowFrom ? 0 : 1;
}

/** Index of the entry for `vpn` in a table of `level` (0 is the root). */
export function pteIndex(g: Geometry, vpn: Vpn, level: number): number {
  return (vpn >>> g.levelShift[level]) & ((1 << g.levelBits[level]) - 1);
}
