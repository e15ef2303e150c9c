/** The smallest program that shows each bug. A page table of the tiny machine maps 8 pages: 8 to 15, 16 to 23, … */

import type { StrategyName } from '#tlblab/hunt/portfolio.js';
import {
  awaits,
  by,
  clearrefs,
  dontneed,
  exit,
  fileRead,
  fileWrite,
  fork,
  gup,
  ksm,
  load,
  migrate,
  migrateMemory,
  mmap,
  move,
  mprotect,
  mremap,
  munmap,
  numascan,
  pagemap,
  post,
  race,
  reclaim,
  reclaimMemory,
  sleep,
  store,
  uffdregister,
  uffdwp,
  wake,
  write,
  yields,
} from '#tlblab/program/builder.js';
import type { MachineSpec, Program } from '#tlblab/program/program.js';
import { UNPLUGS } from './hotplug-scenarios.ts';
import { RACES } from './race-scenarios.ts';

export interface Scenario {
  readonly harm: string;
  readonly program: Program;
  /** Where only store buffers show it. */
  readonly memory?: 'tso';
  /** Where the usual mix takes too long. */
  readonly strategies?: readonly StrategyName[];
  /** 1 when left out. */
  readonly seed?: number;
}

const TWO: MachineSpec = { cpus: 2 };
const THREE: MachineSpec = { cpus: 3 };
/** Two tables that wait to be freed are many here: whoever adds the second one pays for a grace period at once. */
const FEW_FRAMES: MachineSpec = { cpus: 2, override: { frames: 20 } };

/** P1 has page 8 in its TLB and in its paging-structure cache the table of pages 8 to 15. */
const cached = (pages = 2) => [mmap(8, pages, 'rw', { fixed: true }), ...by('P1', store(8))];

/** Pages 8 to 23, a table for each half. */
const twoTables = [mmap(8, 16, 'rw', { fixed: true }), store(8), store(16)];

/** A thread of the parent has the page that the child now shares in its TLB, read-only. */
const shared = [...cached(1), fork('C'), ...by('P1', load(8))];
const child = { cpu: 0, forkedBy: 'P0', ops: [] };

/**
 * Page 8 has been swapped out and in again: the swap cache holds it, too. Nothing is left of the flush that reclaim owed. P2 may write to the
 * page without a fault. Who protects pages 8 to 23 flushes page 8 when the second table is done.
 */
const alsoInSwapCache = [...twoTables, reclaimMemory(8), load(8), dontneed(9), ...by('P2', store(8, { word: 1 }))];
const storesInTurn = [1, 2, 3].map((word) => store(8, { word }));
const SWAP: MachineSpec = { cpus: 3, override: { swapSlots: 4 } };

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  't1-01': {
    harm: 'stale-read',
    program: race(TWO, { setup: cached(), P0: [dontneed(8)], P1: [dontneed(8), load(8)] }),
  },
  't1-09': {
    harm: 'lost-write',
    // long walks and long pages: the flush is pending for long, and the comparison takes long
    program: race(
      { cpus: 3, override: { nodes: 2, fastFrames: 20, swapSlots: 8, wordsPerPage: 16 } },
      {
        setup: [
          mmap(8, 8, 'rw', { fixed: true }),
          store(8, { value: 4 }),
          store(9, { value: 4 }),
          write(10, 6),
          migrateMemory(8, 8, { node: 1 }),
          ...by('P1', store(8, { value: 4 })),
        ],
        P0: [numascan(8, 8)],
        P1: [store(8, { value: 5 })],
        P2: [ksm(9, 8)],
      },
    ),
  },
  't1-10': {
    harm: 'frame-reuse',
    program: race(
      { cpus: 3, override: { nodes: 2, fastFrames: 20 } },
      {
        setup: [
          mmap(8, 1, 'rw', { fixed: true, shared: true, file: 'f' }),
          load(8),
          migrate('f', 0, 1, { node: 1 }),
          fileRead('g', 0),
          ...by('P1', load(8)),
        ],
        P0: [numascan(8)],
        P1: [load(8)],
        P2: [load(8), migrate('g', 0, 1, { node: 1 })],
      },
      {
        files: [
          { name: 'f', pages: 1 },
          { name: 'g', pages: 1 },
        ],
      },
    ),
  },
  't1-12': {
    harm: 'stale-read',
    program: race(THREE, {
      setup: shared,
      P0: [store(8)],
      P1: [awaits('stored'), load(8)],
      P2: [store(8), post('stored')],
      C: child,
    }),
  },
  't1-13': {
    harm: 'stale-read',
    program: race(TWO, { setup: shared, P0: [store(8), post('stored')], P1: [awaits('stored'), load(8)], C: child }),
  },
  't1-14': { harm: 'rights-bypass', program: race(TWO, { setup: cached(), P0: [munmap(8)], P1: [load(8)] }) },
  't1-14-none': { harm: 'rights-bypass', program: race(TWO, { setup: cached(), P0: [munmap(8)], P1: [load(8)] }) },
  't1-15': {
    harm: 'rights-bypass',
    program: race({ cpus: 2, override: { cpumaskBits: 1 } }, { setup: cached(), P0: [munmap(8)], P1: [load(8)] }),
  },
  't1-16': {
    harm: 'lost-write',
    program: race({ cpus: 1 }, { P0: [mmap(8, 1, 'rw', { fixed: true }), store(8), dontneed(8), load(8)] }),
  },
  't1-16-invalid': {
    harm: 'lost-write',
    program: race(
      { cpus: 1 },
      {
        setup: [mmap(8, 1, 'rw', { fixed: true }), store(8)],
        P0: [mprotect(8, 1, 'none'), dontneed(8), mprotect(8, 1, 'r'), load(8)],
      },
    ),
  },
  't2-01': {
    harm: 'rights-bypass',
    memory: 'tso',
    seed: 2,
    strategies: ['sticky'],
    program: race(TWO, {
      setup: [...cached(), ...by('Q', mmap(8, 1, 'rw', { fixed: true }), store(8))],
      P0: [munmap(8)],
      P1: { cpu: 1, ops: [load(8)] },
      Q: { cpu: 1, mm: 1, ops: [load(8)] },
    }),
  },
  't2-03': {
    harm: 'rights-bypass',
    program: race(TWO, {
      setup: [...cached(), ...by('Q', mmap(8, 1, 'rw', { fixed: true }), store(8))],
      P0: [munmap(8)],
      P1: { cpu: 1, ops: [load(8)] },
      Q: { cpu: 1, mm: 1, ops: [load(8)] },
    }),
  },
  't2-04': {
    harm: 'table-reuse',
    program: race(
      { cpus: 2, override: { frames: 8 } },
      { setup: [...cached(4), write(9, 2)], P0: [munmap(8, 4)], P1: [load(11)] },
    ),
  },
  't2-04-one-user': {
    harm: 'table-reuse',
    program: race({ cpus: 1 }, { setup: [mmap(8, 2, 'rw', { fixed: true }), store(8)], P0: [munmap(8, 2)] }),
  },
  't2-05': {
    harm: 'table-reuse',
    program: race(FEW_FRAMES, {
      setup: [...twoTables, ...by('P1', store(8))],
      P0: [munmap(8, 16), wake('P1')],
      P1: [sleep()],
    }),
  },
  't2-09': {
    harm: 'table-reuse',
    program: race(FEW_FRAMES, { setup: [...twoTables, store(8), move(1)], P0: [munmap(8, 16), yields()] }),
  },
  't2-15': { harm: 'table-reuse', program: race(TWO, { setup: cached(), P0: [munmap(8, 2)], P1: [load(9)] }) },
  't2-16': {
    harm: 'table-reuse',
    program: race(
      { cpus: 2, override: { gatherBatch: 1, frames: 20 } },
      { setup: [...twoTables, ...by('P1', store(8))], P0: [munmap(8, 16)], P1: [load(9), load(10)] },
    ),
  },
  't2-22': {
    harm: 'table-reuse',
    program: race(FEW_FRAMES, { setup: [...twoTables, store(8), move(1)], P0: [exit()] }),
  },
  't2-24': {
    harm: 'table-reuse',
    program: race(FEW_FRAMES, {
      setup: [...twoTables, dontneed(8), dontneed(16), munmap(9, 7), ...by('P1', load(10))],
      P0: [munmap(8, 16)],
      P1: [load(10), load(11), load(12)],
    }),
  },
  'partial-flush': {
    harm: 'stale-read',
    program: race(TWO, {
      setup: [...cached(4), ...by('P1', load(10))],
      P0: [dontneed(8), post('gone')],
      P1: [store(10), awaits('gone'), load(8)],
    }),
  },
  'early-ack': {
    harm: 'table-reuse',
    program: race(FEW_FRAMES, {
      setup: [...twoTables, ...by('P1', store(8))],
      P0: [munmap(8, 16), wake('P1')],
      P1: [sleep()],
    }),
  },
  'kept-early': {
    harm: 'frame-reuse',
    program: race(
      THREE,
      {
        setup: [mmap(8, 1, 'r', { fixed: true, shared: true, file: 'f' }), load(8)],
        P0: [],
        K: { cpu: 1, kthread: true, ops: [reclaim('f', 0)] },
        P2: { cpu: 2, mm: 1, ops: [fileRead('f', 0), reclaim('f', 0), fileWrite('g', 0)] },
      },
      {
        files: [
          { name: 'f', pages: 1 },
          { name: 'g', pages: 1 },
        ],
      },
    ),
  },
  'gup-no-recheck': {
    harm: 'frame-reuse',
    program: race(TWO, {
      setup: [mmap(8, 2, 'rw', { fixed: true }), store(8)],
      P0: [dontneed(8), store(9)],
      P1: [gup(8, 1, { fast: true })],
    }),
  },
  'no-flush-dirty': {
    harm: 'lost-write',
    program: race(
      { cpus: 2, override: { swapSlots: 4 } },
      { setup: cached(1), P0: [reclaimMemory(8)], P1: [store(8), load(8)] },
    ),
  },
  'swapin-exclusive': {
    harm: 'isolation',
    program: race(
      { cpus: 2, override: { swapSlots: 4 } },
      { setup: [...cached(1), reclaimMemory(8), fork('C')], P0: [store(8)], P1: [], C: { ...child, ops: [load(8)] } },
    ),
  },
  't1-07': {
    harm: 'lost-write',
    program: race(SWAP, {
      setup: [...alsoInSwapCache, uffdregister(8, 16)],
      P0: [uffdwp(8, 16)],
      P1: [store(8)],
      P2: storesInTurn,
    }),
  },
  't1-08': {
    harm: 'missed-tracking',
    program: race(TWO, {
      setup: cached(1),
      P0: [clearrefs(), post('cleared')],
      P1: [awaits('cleared'), store(8), pagemap(8)],
    }),
  },
  't1-08-shared': {
    harm: 'lost-write',
    program: race(SWAP, { setup: alsoInSwapCache, P0: [clearrefs()], P1: [store(8)], P2: storesInTurn }),
  },
  'ph-3': {
    harm: 'rights-bypass',
    program: race(TWO, { setup: cached(), P0: [mremap(8, 1, { to: 16 })], P1: [load(8)] }),
  },
  'ph-4': {
    harm: 'lost-write',
    program: race(THREE, {
      setup: cached(1),
      P0: [fork('C')],
      P1: [store(8)],
      P2: [store(8, { word: 1 })],
      C: { cpu: 0, forkedBy: 'P0', ops: [] },
    }),
  },
  ...RACES,
  ...UNPLUGS,
};
