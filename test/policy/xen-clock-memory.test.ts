/**
 * Memory files under the flush clock: their entries become writable where no store is noticed, and what they hold changes in swap. Beside each way the clock without what
 * it does there, which is convicted.
 */
import { expect, it } from 'vitest';
import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { xenClock } from '#tlblab/policy/xen-clock.js';
import { flushDebts, unmapWalk } from '#tlblab/policy/xen-clock-words.js';
import {
  awaits,
  by,
  fileWrite,
  load,
  migrate,
  mmap,
  mprotect,
  post,
  punch,
  race,
  reclaim,
  store,
} from '#tlblab/program/builder.js';
import type { Op, Prot } from '#tlblab/program/program.js';
import { harmOf, type Routines } from '../hunt/harm.js';

const P = 8;
const Q = 12;

/** P caches a read-only entry, which K takes away; Q, elsewhere, maps the page with `prot` and changes it in `steps`; then P looks. */
function harmIn(
  prot: Prot,
  duty: Op,
  history: Op[],
  steps: Op[],
  without?: Routines,
  looks = [awaits('stored'), load(P)],
): string | undefined {
  const shared = { file: 'f', fixed: true, shared: true };
  const program = race(
    { cpus: 3, override: { swapSlots: 4 } },
    {
      setup: [
        ...by('P', mmap(P, 1, 'r', shared)),
        ...by('Q', mmap(Q, 1, prot, shared), fileWrite('f', 0), ...history),
        ...by('P', load(P)),
      ],
      P: looks,
      Q: { mm: 1, ops: [...steps, post('stored')] },
      K: { kthread: true, ops: [duty, post('taken')] },
    },
    { files: [{ name: 'f', pages: 1, memory: true }] },
  );
  return harmOf(xenClock, program, { schedules: 1000, routines: without });
}

it('a load sets the writable entry that the store uses', () => {
  const steps = [awaits('taken'), load(Q), store(Q)];
  const forStores: Routines = {
    *finishFault(cpu, vmf, page, entry) {
      if (vmf.write) yield* flushDebts(cpu);
      return yield* MAINLINE.finishFault(cpu, vmf, page, entry);
    },
  };
  expect(harmIn('rw', reclaim('f', 0), [], steps)).toBeUndefined();
  expect(harmIn('rw', reclaim('f', 0), [], steps, forStores)).toBe('stale-read');
});

it('mprotect gives the right to write back', () => {
  const steps = [awaits('taken'), load(Q), mprotect(Q, 1, 'rw'), store(Q)];
  const { canChangePteWritable } = MAINLINE;
  expect(harmIn('r', reclaim('f', 0), [], steps)).toBeUndefined();
  expect(harmIn('r', reclaim('f', 0), [], steps, { canChangePteWritable })).toBe('stale-read');
});

it('mprotect finds the page on the move, and it comes back writable', () => {
  const steps = [mprotect(Q, 1, 'rw'), awaits('taken'), store(Q)];
  const putOff: Routines = {
    *tryToMigrate(cpu, folio, flags) {
      yield* unmapWalk(cpu, folio, MAINLINE.tryToMigrate(cpu, folio, flags));
    },
  };
  expect(harmIn('r', migrate('f', 0), [load(Q)], steps)).toBeUndefined();
  expect(harmIn('r', migrate('f', 0), [load(Q)], steps, putOff)).toBe('stale-read');
});

it('write(2) brings the page back from swap and changes it', () => {
  const steps = [awaits('taken'), fileWrite('f', 0)];
  const { shmemWriteBegin } = MAINLINE;
  expect(harmIn('r', reclaim('f', 0), [], steps)).toBeUndefined();
  expect(harmIn('r', reclaim('f', 0), [], steps, { shmemWriteBegin })).toBe('stale-read');
});

it('a page that comes in between the two halves of a hole is reclaimed before the second', () => {
  const steps = [punch('f', 0)];
  const { shmemFreeSwap, truncateInodeFolio } = MAINLINE;
  const looks = [load(P), awaits('stored'), load(P)];
  expect(harmIn('r', reclaim('f', 0), [], steps, undefined, looks)).toBeUndefined();
  expect(harmIn('r', reclaim('f', 0), [], steps, { shmemFreeSwap, truncateInodeFolio }, looks)).toBe('stale-read');
});
