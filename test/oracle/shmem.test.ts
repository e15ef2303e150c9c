/** What the oracle holds memory files and shared anonymous memory to, each with a kernel that breaks it and is convicted. */
import { describe, expect, it } from 'vitest';
import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { NO_FILE } from '#tlblab/kernel/types.js';
import { mainline } from '#tlblab/policy/mainline.js';
import {
  awaits,
  fileRead,
  fileWrite,
  fork,
  fsync,
  load,
  mmap,
  munmap,
  post,
  race,
  reclaim,
  reclaimMemory,
  store,
  truncate,
} from '#tlblab/program/builder.js';
import type { Op, Program } from '#tlblab/program/program.js';
import { harmOf, type Routines } from '../hunt/harm.js';

const P = 8;
const SWAP = { cpus: 1, override: { swapSlots: 4, files: 3 } };
const FILE = { files: [{ name: 'f', pages: 2, memory: true }] };
const SHARED = mmap(P, 2, 'rw', { fixed: true, shared: true });

const harmIn = (source: Program, routines?: Routines) => harmOf(mainline, source, { seed: 1, schedules: 40, routines });
const alone = (...P0: Op[]) => race(SWAP, { P0 }, FILE);

/** Marks the folio as read from swap, which it was not. */
const readsNothing: Routines = {
  *submitBioRead(cpu, folio) {
    yield* cpu.kernel.clearPage(cpu, folio, cpu.geometry.wordsPerPage);
  },
};
const keepsFiles: Routines = {
  *shmemEvictInode(cpu, file) {
    cpu.observer?.fileEvicted(cpu, file);
  },
};
/** Every VMA gets memory of its own. */
const sharesNothing: Routines = {
  *vmaLink(cpu, mm, range) {
    return yield* MAINLINE.vmaLink(cpu, mm, { ...range, object: NO_FILE });
  },
};

describe('of a memory file', () => {
  it.each([
    ['a load', load(P)],
    ['read(2)', fileRead('f', 0)],
    ['the read-back, from swap', fsync('f')],
  ])('what was written is seen by %s behind a reclaim', (_, look) => {
    const map = mmap(P, 1, 'rw', { fixed: true, shared: true, file: 'f' });
    const program = alone(map, fileWrite('f', 0), reclaim('f', 0), look);
    expect(harmIn(program)).toBeUndefined();
    const wrong = look.do === 'fsync' ? { *submitBioWrite() {} } : readsNothing;
    expect(harmIn(program, wrong)).toBe('lost-write');
  });

  it('fsync promises nothing of a disk', () => {
    expect(harmIn(alone(fileWrite('f', 0), fsync('f')))).toBeUndefined();
  });

  it('what was truncated is gone, from swap, too, and leaves nothing there', () => {
    const program = alone(fileWrite('f', 0), reclaim('f', 0), truncate('f', 0), truncate('f', 2), fileRead('f', 0));
    expect(harmIn(program)).toBeUndefined();
    const keepsEntries: Routines = {
      *shmemUndoRange() {},
    };
    expect(harmIn(program, keepsEntries)).toBe('lost-write');
    const keepsSlots: Routines = {
      *freeSwapAndCache() {},
    };
    expect(harmIn(program, keepsSlots)).toBe('leak');
  });
});

describe('of shared anonymous memory', () => {
  const family = race(
    { cpus: 2, override: { swapSlots: 4, files: 3 } },
    {
      P0: [SHARED, store(P), fork('C'), awaits('c'), load(P + 1), load(P)],
      C: { cpu: 1, forkedBy: 'P0', ops: [load(P), reclaimMemory(P, 2), store(P + 1), post('c')] },
    },
  );

  it('parent and child see what the other stores', () => {
    expect(harmIn(family)).toBeUndefined();
    expect(harmIn(family, sharesNothing)).toMatch(/^(lost-write|stale-read|inversion)$/);
  });

  it('it survives swap', () => {
    expect(harmIn(family, readsNothing)).toBe('lost-write');
  });

  it('it ends with its last mapping, and begins with zeroes wherever it is', () => {
    const program = alone(
      SHARED,
      store(P),
      reclaimMemory(P),
      store(P + 1),
      munmap(P, 2),
      SHARED,
      load(P),
      store(P),
      munmap(P, 2),
    );
    expect(harmIn(program)).toBeUndefined();
    expect(harmIn(program, keepsFiles)).toBe('leak');
    const keepsContent: Routines = {
      *shmemUndoRange() {},
    };
    expect(harmIn(program, keepsContent)).toMatch(/^(isolation|lost-write|stale-read)$/);
  });
});
