/** Programs on which a hunt once convicted mainline because the oracle, or the model of the kernel, was wrong. */
import { expect, it } from 'vitest';
import { hunt } from '#tlblab/hunt/hunt.js';
import { mainline } from '#tlblab/policy/mainline.js';
import {
  by,
  dontneed,
  fileWrite,
  fork,
  load,
  mmap,
  mprotect,
  mremap,
  munmap,
  punch,
  race,
  store,
} from '#tlblab/program/builder.js';
import type { Program } from '#tlblab/program/program.js';

const TWO = { cpus: 2 };
const FILE = { files: [{ name: 'f', pages: 2 }] };
const copied = [mmap(8, 2, 'rw', { fixed: true, file: 'f' }), fileWrite('f', 0), ...by('P1', store(8))];
const C = { cpu: 0, forkedBy: 'P1', ops: [] };

const PROGRAMS: Record<string, Program> = {
  'fork while the private copy of a page is being discarded': race(
    { cpus: 2, override: { frames: 320, vmas: 96 } },
    { setup: copied, P0: [dontneed(8)], P1: [fork('C')], C },
    FILE,
  ),
  'a fault that makes a private copy, begun before DONTNEED and ended after it': race(
    TWO,
    { setup: copied.slice(0, 2), P0: [dontneed(8)], P1: [store(8)] },
    FILE,
  ),
  'a mapping that MAP_POPULATE fills with copies': race(
    TWO,
    {
      setup: [fileWrite('f', 0)],
      P0: [mmap(8, 1, 'rw', { fixed: true, populate: true, file: 'f' })],
      P1: [fileWrite('f', 0)],
    },
    FILE,
  ),
  'a mapping that mremap makes longer than the file, while somebody stores to it': race(
    TWO,
    { setup: copied, P0: [mremap(8, 2, { to: 16, newPages: 4 })], P1: [store(8), store(17)] },
    FILE,
  ),
  'a private mapping that comes over a shared one, while somebody stores to the page and then to the file': race(
    TWO,
    {
      setup: [mmap(8, 1, 'rw', { fixed: true, shared: true, file: 'f' })],
      P0: [mmap(8, 1, 'rw', { fixed: true, file: 'f' })],
      P1: [store(8), fileWrite('f', 0), load(8)],
    },
    FILE,
  ),
  'a private copy that a fault makes behind DONTNEED, while its page is punched out of the file': race(
    TWO,
    {
      setup: [mmap(8, 1, 'rw', { fixed: true, file: 'f' }), fileWrite('f', 0)],
      P0: [store(8)],
      P1: [dontneed(8), punch('f', 0), load(8)],
    },
    FILE,
  ),
  'MADV_FREE beside MADV_DONTNEED, and a load of what was stored between the two': race(
    { cpus: 3 },
    {
      setup: [mmap(8, 1, 'rw', { fixed: true }), store(8), ...by('P1', load(8))],
      P0: [dontneed(8), load(8)],
      P1: [store(8, { word: 1 }), store(8), load(8)],
      P2: [{ do: 'madvise', page: 8, advice: 'free' }],
    },
  ),
  // __schedule() reports a quiescent state of any task, of the idle one too: an expedited grace period may ask for it just there
  'tables freed without memory for a batch, while the idle task is in its housekeeping': race(
    { cpus: 3, override: { levels: 32, frames: 10 } },
    {
      setup: [
        mmap(3, 3, 'r', { populate: true }),
        ...by('P3', dontneed(3, 2)),
        ...by('P2', munmap(4, 2)),
        ...by('P0', store(4)),
        ...by('P2', store(4)),
      ],
      P0: [mprotect(4, 1, 'none')],
      P1: [munmap(3)],
      P2: [store(3, { word: 2 })],
      P3: { cpu: 0, ops: [] },
      P4: { cpu: 1, ops: [] },
    },
  ),
};

it.each(Object.keys(PROGRAMS))('mainline is clean on %s', (name) => {
  const { found, schedules } = hunt({
    policy: mainline,
    patches: [],
    source: PROGRAMS[name],
    seed: 1,
    schedules: 1500,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
  });
  expect(found?.conviction.says).toBeUndefined();
  expect(schedules).toBe(1500);
});
