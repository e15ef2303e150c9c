/** The read-back asks what would be left of a clean page if it were dropped, though no program drops it. */
import { expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { definePatch } from '#tlblab/bugs/patch.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { mainline } from '#tlblab/policy/mainline.js';
import type { Patch } from '#tlblab/policy/policy.js';
import { load, migrateMemory, mmap, munmap, race, store } from '#tlblab/program/builder.js';
import type { Program } from '#tlblab/program/program.js';

/** What a hunt says with the patch, and without it. */
function said(program: Program, patch: Patch): (string | undefined)[] {
  return [[patch], []].map((patches) => {
    const { found } = hunt({
      ...{ policy: mainline, patches, source: program, seed: 5, strict: false, costs: 'bare-metal' },
      schedules: 1500,
      outOfTime: () => false,
    });
    return found?.conviction.says;
  });
}

it('zeros are left of what MADV_FREE gave up: a store that loses its D bit is lost', () => {
  const gaveUp = race(
    { cpus: 2, override: { swapSlots: 4 } },
    {
      setup: [mmap(8, 1, 'rw', { fixed: true }), store(8), { do: 'madvise', page: 8, advice: 'free' }],
      P0: [migrateMemory(8, 1, { sync: true })],
      P1: [store(8), load(8)],
    },
  );
  const [convicted, without] = said(gaveUp, BUGS['t2-12']);
  expect(convicted).toMatch(/word 0, is given up by MADV_FREE and \d+ in frame \d+, which is clean: it may be dropped/);
  expect(without).toBeUndefined();
});

it('what the disk holds is left of a page of a file: a store that marks nothing dirty is lost', () => {
  const forgets = definePatch({
    name: 'forgets',
    says: 'no folio is ever marked dirty',
    source: 'this test',
    *folioMarkDirty() {
      // its entry alone knows, until it is gone
    },
  });
  const unmapped = race(
    { cpus: 2 },
    {
      setup: [mmap(8, 1, 'rw', { fixed: true, shared: true, file: 'f' })],
      P0: [store(8), munmap(8)],
      P1: [load(8)],
    },
    { files: [{ name: 'f', pages: 1 }] },
  );
  const [convicted, without] = said(unmapped, forgets);
  expect(convicted).toMatch(
    /page 0 of file 1, word 0, is 0 on disk and \d+ in frame \d+, which is clean: it may be dropped/,
  );
  expect(without).toBeUndefined();
});
