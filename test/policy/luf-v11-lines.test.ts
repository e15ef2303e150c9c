/** Each line of the reference's pseudo-code of LUF v11, with the routines and points that are its model. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { pointLabels } from '#tlblab/memory/point.js';
import { ugenBefore, ugenLatest, ugenNext } from '#tlblab/policy/luf-coordinator.js';
import { lufV11 } from '#tlblab/policy/luf-v11.js';
import { ROOT } from '../cli/run.ts';

/** `pseudo-code` -> what models it: a routine of the policy, one it leaves as it is (`mainline x`), or the start of point labels. */
const LINES: readonly (readonly [line: string, ...models: string[]])[] = [
  ['unmap(folio): can_luf = true', 'tryToUnmap', 'tryToMigrate'],
  ['for each PTE: clear it under the PTL', 'mainline ptepUnhook'],
  ['if pte_write: can_luf = false, record in ubc   else record in ubc_ro', 'setTlbUbcFlushPending'],
  ['fold ubc_ro into (eligible ? ubc_luf : ubc)', 'tryToUnmap', 'tryToMigrate'],
  ['end of batch: trylock luf_lock', 'reclaimedAdd', 'freeReclaimed', 'migrateUnmapDone', 'spinTrylock: '],
  ['if not acquired, or on_flushing > 0', 'tryToUnmapLuf: luf_lock held, is anybody flushing?'],
  ['or luf_on_flushing', 'tryToUnmapLuf: nobody is flushing, is a demanded'],
  ['else: luf_ubc |= ubc_luf', 'tryToUnmapLuf: no flush under way', 'tryToUnmapLuf: CPUs added'],
  ['luf_gen = luf_gen_next; g = luf_gen', 'tryToUnmapLuf: debt recorded'],
  ['then try_to_unmap_flush(): flushes ubc', 'tryToUnmapFlush'],
  ['removes the flushed CPUs from luf_ubc', 'rmapFlushEnd: flushed, CPUs to be removed'],
  ['bracketed by on_flushing++ / on_flushing--', 'rmapFlushStart: ', 'rmapFlushEnd: CPUs removed'],
  ['free(page, g): keep g with the page', 'freeUnrefPage', 'luf freeUnrefPage: '],
  ['folio_put_ugen(folio, g)', 'migrateFolioDone'],
  ['if folio_put_testzero(folio): free it with g   else WARN and return', 'folioPutUgen: '],
  ['allocate: every removal from a free list', 'rmqueue', 'delPageFromFreeList'],
  ['current.ugen = later(current.ugen, g of the page)', 'luf rmqueue: ', 'luf delPageFromFreeList: off the zone'],
  ['prep_new_page(): check_luf_flush(current.ugen)', 'prepNewPage'],
  ['compaction isolation: check_luf_flush(current.ugen)', 'isolateFreepagesBlock'],
  ['check_luf_flush(g): g == 0 or done >= g: return', 'checkLufFlush: generation owed'],
  ['lock; if next(done) != g: return', 'checkLufFlush: luf_lock held'],
  ['if someone is flushing: unlock, retry', 'checkLufFlush: next one', 'checkLufFlush: another demanded flush'],
  ['if luf_ubc is empty: return', 'checkLufFlush: nobody flushes for it'],
  ['ubc |= luf_ubc', 'checkLufFlush: flush owed, luf_ubc to be taken over'],
  ['luf_gen_next = next(luf_gen)', 'checkLufFlush: luf_ubc taken over'],
  ['luf_on_flushing = true; unlock', 'checkLufFlush: luf_gen_next raised'],
  ['try_to_unmap_flush(); lock; luf_on_flushing = false', 'checkLufFlush: flushed, luf_on_flushing'],
  ['done = g', 'checkLufFlush: luf_on_flushing cleared'],
  ['luf_flush(): g = luf_gen, read under the lock; check_luf_flush(g)', 'lufFlush: luf_lock held'],
  ['free_pages_prepare() when init-on-free is set', 'freePagesPrepare', 'luf freePagesPrepare: '],
  ['file_end_write()', 'fileEndWrite'],
  ['a lost race to a now-writable PTE', 'updateMmuTlb', 'pteUnmapUnlock'],
  ['munmap, mprotect and mremap: flush_tlb_batched_pending()', 'mainline flushTlbBatchedPending'],
];

describe('the published lines of luf-v11', () => {
  it.each(LINES)('%s', (_, ...models) => {
    for (const model of models) {
      const routine = model.replace(/^mainline /, '');
      if (routine !== model) {
        expect(MAINLINE).toHaveProperty(routine);
        expect(lufV11.routines).not.toHaveProperty(routine);
      } else if (!model.includes(': ')) expect(lufV11.routines).toHaveProperty(model);
      else
        expect(
          pointLabels().some((label) => label.startsWith(model)),
          model,
        ).toBe(true);
    }
  });

  it('every point of the coordinator and every routine but the argument carriers belongs to a line', () => {
    const named = LINES.flatMap(([, ...models]) => models);
    const points = pointLabels().filter((label) =>
      /^(tryToUnmapLuf|rmapFlush\w+|checkLufFlush|lufFlush|folioPutUgen): /.test(label),
    );
    expect(points.length).toBeGreaterThan(15);
    expect(points.filter((label) => !named.some((model) => label.startsWith(model)))).toEqual([]);
    const carriers = ['tryToUnmapFlushDirty', 'reclaimBatchInit', 'shrinkFolio', 'migratePagesBatch'];
    expect(Object.keys(lufV11.routines).filter((name) => !named.includes(name))).toEqual(carriers);
  });

  it('generations have 16 bits, wrap, and pass over 0', () => {
    expect([ugenNext(0), ugenNext(1), ugenNext(0xffff)]).toEqual([1, 2, 1]);
    expect([ugenBefore(0xffff, 1), ugenBefore(1, 0xffff), ugenBefore(5, 5)]).toEqual([true, false, false]);
    expect([ugenLatest(0, 7), ugenLatest(7, 0), ugenLatest(0xfffe, 3)]).toEqual([7, 7, 3]);
  });
});

describe('the map in the header of luf-v11', () => {
  const header = readFileSync(`${ROOT}src/policy/luf-v11.ts`, 'utf8').split('*/')[0];
  const lines = [...header.matchAll(/^ \* {5}(\S.*?) {2,}(\S.*)$/gm)].map(([, published, ours]) => ({
    published,
    ours,
  }));
  it('names routines and flush points that exist', () => {
    const points = lufV11.flushPoints.map((p) => p.name);
    expect(lines.length).toBeGreaterThanOrEqual(8);
    for (const { ours } of lines) {
      for (const part of ours.split('; ')) {
        const [, file, names] = /^(luf-[a-z-]+) (.*)$/.exec(part) ?? [];
        if (file === undefined) {
          for (const [, point] of part.matchAll(/`(\w+)`/g)) expect(points).toContain(point);
          continue;
        }
        const source = readFileSync(`${ROOT}src/policy/${file}.ts`, 'utf8');
        for (const name of names.split(', ')) expect(source).toMatch(new RegExp(`function\\*? ${name}\\b`));
      }
    }
  });
});
