/** The smallest programs for the bugs between reclaim, truncation or page cleaning and a walk over entries. See scenarios.ts. */
import {
  awaits,
  by,
  devmigrate,
  dontneed,
  fileRead,
  fork,
  fsync,
  kalloc,
  load,
  migrateMemory,
  mmap,
  mprotect,
  mremap,
  munmap,
  post,
  race,
  reclaim,
  reclaimMemory,
  revoke,
  sleep,
  store,
  truncate,
  wake,
} from '#tlblab/program/builder.js';
import type { MachineSpec, Op } from '#tlblab/program/program.js';
import type { Scenario } from './scenarios.ts';

const TWO: MachineSpec = { cpus: 2 };
const THREE: MachineSpec = { cpus: 3 };
const SWAP: MachineSpec = { cpus: 2, override: { swapSlots: 4 } };
const F = {
  files: [
    { name: 'f', pages: 4 },
    { name: 'g', pages: 1 },
  ],
};

const free = (page: number): Op => ({ do: 'madvise', page, advice: 'free' });

/** Page 8 shows f[0], and P1 has it in its TLB, as the operation leaves it there. */
const ofFile = (use = store(8)) => [mmap(8, 2, 'rw', { fixed: true, shared: true, file: 'f' }), ...by('P1', use)];
/** Reclaim beside a thread that asks for something else and then uses the page as if it had it. */
const reclaimed = (...P1: Op[]) =>
  race(TWO, { setup: [...ofFile(), fileRead('f', 1)], P0: [reclaim('f', 0, 2)], P1 }, F);

/** The page cache forgets f[0] if it is clean, and what the disk has is read. */
const readAnew = [reclaim('f', 0), fileRead('f', 0)];

/** Page 8 moves to 16 while another CPU has it cached at 8, and the frame is taken away from under 16. */
const truncated = {
  harm: 'frame-reuse',
  program: race(
    THREE,
    { setup: ofFile(load(8)), P0: [mremap(8, 1, { to: 16 })], P1: [load(8)], P2: [truncate('f', 0), fileRead('g', 0)] },
    F,
  ),
};

export const RACES: Readonly<Record<string, Scenario>> = {
  'pfnmap-unlinked': {
    harm: 'frame-reuse',
    program: race(
      THREE,
      {
        setup: [mmap(8, 1, 'rw', { fixed: true, shared: true, file: 'd' }), store(8), ...by('P1', store(8))],
        P0: [munmap(8)],
        P1: [store(8), store(8)],
        K: { cpu: 2, kthread: true, ops: [revoke('d'), kalloc(1)] },
      },
      { files: [{ name: 'd', pages: 1, device: true }] },
    ),
  },
  't1-02-mprotect': { harm: 'rights-bypass', program: reclaimed(mprotect(8, 1, 'r'), store(8)) },
  't1-02-munmap': { harm: 'rights-bypass', program: reclaimed(munmap(8), load(8)) },
  't1-02-madvise': {
    harm: 'lost-write',
    program: race(SWAP, {
      setup: [mmap(8, 1, 'rw', { fixed: true }), ...by('P1', store(8))],
      P0: [reclaimMemory(8)],
      P1: [free(8), store(8), load(8)],
    }),
  },
  't1-02-mremap': { harm: 'rights-bypass', program: reclaimed(mremap(8, 1, { to: 16 }), load(8)) },
  't1-03': {
    harm: 'rights-bypass',
    program: race(
      THREE,
      {
        setup: [
          mmap(8, 1, 'rw', { fixed: true, shared: true, file: 'f' }),
          mmap(16, 1, 'rw', { fixed: true, shared: true, file: 'f', offset: 1 }),
          load(8),
          ...by('P1', store(16)),
          ...by('K', reclaim('f', 0)),
        ],
        P0: [dontneed(8), mprotect(16, 1, 'r'), post('protected')],
        P1: [store(16), awaits('protected'), store(16)],
        K: { cpu: 2, kthread: true, ops: [reclaim('f', 1)] },
      },
      F,
    ),
  },
  't1-04': truncated,
  't1-05': {
    harm: 'lost-write',
    program: race(
      THREE,
      {
        // page 8 goes to one table, the rest to the next
        setup: [mmap(8, 8, 'rw', { fixed: true, shared: true, file: 'f' }), ...by('P1', store(8))],
        P0: [mremap(8, 8, { to: 23 })],
        P1: [awaits('written'), store(8), ...readAnew],
        P2: [fsync('f'), post('written')],
      },
      F,
    ),
  },
  't1-05-early': truncated,
  't1-06': {
    harm: 'lost-write',
    program: race(THREE, { setup: ofFile(), P0: [munmap(8)], P1: [store(8), ...readAnew], P2: [fsync('f')] }, F),
  },
  't1-11': {
    harm: 'stale-read',
    program: race(SWAP, {
      setup: [mmap(8, 1, 'rw', { fixed: true }), store(8), fork('C'), ...by('P1', load(8))],
      P0: [devmigrate(8)],
      P1: [dontneed(8), load(8)],
      C: { cpu: 0, forkedBy: 'P0', ops: [] },
    }),
  },
  't2-06': {
    harm: 'table-reuse',
    program: race(
      { cpus: 2, override: { frames: 20 } },
      {
        setup: [mmap(8, 16, 'rw', { fixed: true }), store(8), store(16), ...by('P1', store(8))],
        P0: [munmap(8, 16), wake('P1')],
        P1: [sleep()],
      },
    ),
  },
  't2-12': {
    harm: 'lost-write',
    program: race(SWAP, {
      setup: [mmap(8, 1, 'rw', { fixed: true }), store(8), free(8)],
      P0: [migrateMemory(8, 1, { sync: true }), reclaimMemory(8)],
      P1: [store(8), load(8)],
    }),
  },
};
