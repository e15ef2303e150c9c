/**
 * Memory files under the flush clock: their entries become writable where no store is noticed. Beside each way the clock without what
 * it does there, which is convicted.
 */
import { expect, it } from 'vitest';
import { definePatch } from '#tlblab/bugs/patch.js';
import { hunt } from '#tlblab/hunt/hunt.js';
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
  race,
  reclaim,
  store,
} from '#tlblab/program/builder.js';
import type { Op, Prot } from '#tlblab/program/program.js';

const P = 8;
const Q = 12;

type Routines = Omit<Parameters<typeof definePatch>[0], 'name' | 'says' | 'source'>;

/** P caches a read-only entry, which K takes away; Q, elsewhere, maps the page with `prot` and stores to it at the end of `steps`; then P looks. */
function harmOf(prot: Prot, duty: Op, history: Op[], steps: Op[], without?: Routines): string | undefined {
  const shared = { file: 'f', fixed: true, shared: true };
  const program = race(
    { cpus: 3, override: { swapSlots: 4 } },
    {
      setup: [
        ...by('P', mmap(P, 1, 'r', shared)),
        ...by('Q', mmap(Q, 1, prot, shared), fileWrite('f', 0), ...history),
        ...by('P', load(P)),
      ],
      P: [awaits('stored'), load(P)],
      Q: { mm: 1, ops: [...steps, store(Q), post('stored')] },
      K: { kthread: true, ops: [duty, post('taken')] },
    },
    { files: [{ name: 'f', pages: 1, memory: true }] },
  );
  const patch = without && definePatch({ name: 'without', says: 'a part of it', source: 'this test', ...without });
  return hunt({
    policy: xenClock,
    patches: patch ? [patch] : [],
    source: program,
    seed: 7,
    schedules: 200,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
  }).found?.conviction.harm;
}

it('a load sets the writable entry that the store uses', () => {
  const steps = [awaits('taken'), load(Q)];
  const forStores: Routines = {
    *finishFault(cpu, vmf, page, entry) {
      if (vmf.write) yield* flushDebts(cpu);
      return yield* MAINLINE.finishFault(cpu, vmf, page, entry);
    },
  };
  expect(harmOf('rw', reclaim('f', 0), [], steps)).toBeUndefined();
  expect(harmOf('rw', reclaim('f', 0), [], steps, forStores)).toBe('stale-read');
});

it('mprotect gives the right to write back', () => {
  const steps = [awaits('taken'), load(Q), mprotect(Q, 1, 'rw')];
  const { canChangePteWritable } = MAINLINE;
  expect(harmOf('r', reclaim('f', 0), [], steps)).toBeUndefined();
  expect(harmOf('r', reclaim('f', 0), [], steps, { canChangePteWritable })).toBe('stale-read');
});

it('mprotect finds the page on the move, and it comes back writable', () => {
  const steps = [mprotect(Q, 1, 'rw'), awaits('taken')];
  const putOff: Routines = {
    *tryToMigrate(cpu, folio, flags) {
      yield* unmapWalk(cpu, folio, MAINLINE.tryToMigrate(cpu, folio, flags));
    },
  };
  expect(harmOf('r', migrate('f', 0), [load(Q)], steps)).toBeUndefined();
  expect(harmOf('r', migrate('f', 0), [load(Q)], steps, putOff)).toBe('stale-read');
});
