/** Each line of the reference's pseudo-code of LUF v12, with the routines, functions and points that are its model. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { pointLabels } from '#tlblab/memory/point.js';
import { lufV12 } from '#tlblab/policy/luf-v12.js';
import { nextUgen, pageZoneUgen, prevUgen, shortUgen, ugenBefore, ugenLater } from '#tlblab/policy/luf12-ugen.js';
import { ROOT } from '../cli/run.ts';

const FOLDER = `${ROOT}src/policy/`;
const sources = new Map(
  readdirSync(FOLDER)
    .filter((name) => /^luf(-|12-)/.test(name))
    .map((name) => [name.replace('.ts', ''), readFileSync(FOLDER + name, 'utf8')]),
);

/**
 * `pseudo-code` -> what models it: a routine of the policy, one it leaves as it is (`mainline x`), a function of a file
 * (`luf12-batch/foldLuf`), or the start of point labels.
 */
const LINES: readonly (readonly [line: string, ...models: string[]])[] = [
  ['luf_ugen: starts at 2, values whose low 16 bits are 0 are skipped', 'luf12-ugen/newLufUgen', 'newLufUgen: '],
  ['luf_batch: empty, flags false, ugen = luf_ugen - 1', 'mmAlloc', 'luf12-batch/lufBatchInit', 'lufBatchInit: '],
  ['address_space->luf_batch: initialised at inode initialisation', 'shmemZeroSetup'],
  ['luf_kgen hands out keys round-robin, key 0 never', 'luf12-ugen/newLufKey', 'newLufKey: '],
  ['reset(b)', 'luf12-batch/resetBatch'],
  ['fold(dst, src, r): if not src.flush_required: return', 'luf12-batch/foldBatch'],
  ['add_pending(b, mm)', 'luf-batch/addPendingTo', 'luf archTlbbatchAddPending: '],
  ['done(dst, src)', 'luf12-batch/archTlbbatchDone'],
  ['check_done(b, U)', 'luf12-batch/archTlbbatchCheckDone', 'archTlbbatchCheckDone: '],
  ['diet(b, U)', 'luf12-batch/archTlbbatchDiet', 'archTlbbatchDiet: '],
  ['fold_luf(lb, src, U)', 'luf12-batch/foldLuf'],
  ['fold_luf_batch_mm(lb, mm): need = mm_cpumask(mm) is not a subset', 'archTlbbatchNeedFold: '],
  ['write lock: if need: add_pending; lb.ugen = ++luf_ugen', 'luf12-batch/foldLufBatchMm', 'writeLock: '],
  ['walk start: can_luf = eligibility', 'tryToUnmap', 'tryToMigrate', 'canLufInit: '],
  ['should_defer_flush(): ptep_get_and_clear(); record()   else: ptep_clear_flush()', 'mainline ptepUnhook'],
  ['record(mm, pte, vma, mapping)', 'setTlbUbcFlushPending', 'luf12-record/recorder'],
  ['bump the pending half of mm.tlb_flush_batched', 'mainline tlbFlushBatchedAdd'],
  ['walk aborted on a VMA: can_luf = false', 'tryToUnmapOne', 'tryToMigrateOne'],
  ['walk end: fold(can_luf ? ubc_luf : ubc, ubc_ro, true)', 'luf12-record/foldWalk'],
  ['flush_start()', 'luf12-flush/tlbFlushStart'],
  ['flush_end(cpus, g): one cmpxchg to g, no retry', 'luf12-flush/tlbFlushEnd', 'tlbFlushEnd: '],
  ['try_to_unmap_flush()', 'tryToUnmapFlush'],
  ['try_to_unmap_flush_dirty()', 'tryToUnmapFlushDirty'],
  ['try_to_unmap_flush_takeoff()', 'luf12-flush/tryToUnmapFlushTakeoff'],
  [
    'flush_tlb_batched_pending(mm)',
    'mainline flushTlbBatchedPending',
    'archFlushTlbBatchedPending',
    'archMmMarkUgen: ',
  ],
  ['fold_unmap_luf()', 'luf12-record/foldUnmapLuf'],
  ['luf_flush(key)', 'luf12-flush/lufFlush', 'readLock: '],
  ['luf_flush_mm(mm), luf_flush_mapping(m)', 'luf12-flush/lufFlushMm', 'luf12-flush/lufFlushMapping'],
  ['if diet(ubc, U): return   # ubc as a whole', 'luf12-flush/lufFlushOf'],
  ['luf_flush_vma(vma)', 'luf12-flush/lufFlushVma', 'lufFlushVma: '],
  ['handle_mm_fault(vma, flags)', 'handleMmFault'],
  ['ptep_clear_flush(vma, addr)', 'ptepClearFlush'],
  ['tlb_end_vma(tlb, vma)', 'tlbEndVma'],
  ['finish_task_switch()', 'mmdropLazyTlbSched'],
  ['mapping_write_begin(...)', 'mappingWriteBegin'],
  ['shrink_folio_list(): eligible folios collect in one list', 'reclaimBatchInit', 'shrinkFolio', 'reclaimedAdd'],
  ['eligible list full, or end of the pass', 'freeReclaimed'],
  ['eligible folio kept after all', 'keepFolio'],
  ['migrate_pages_batch()', 'migratePagesBatch', 'migrateUnmapDone', 'luf-apart/migrateApart'],
  ['migrate_folio_done(src, reason, key)', 'migrateFolioDone', 'luf migrateFolioDone: '],
  [
    'free to pcp with key: store luf_key; to the list tail',
    'freeUnrefPage',
    'luf12-alloc/commitWithKey',
    'luf freeUnrefPageCommit: ',
  ],
  ['pcp -> buddy with key: page.zone_ugen = zone.zone_ugen', 'freeOnePage', 'luf freeOnePage: '],
  ['fold(zone.zone_batch, luf_batch[key].batch, false); zone.luf_ugen = later', 'luf12-zone/updateZoneBatch'],
  ['add to free list: pend_list, pend_zone_ugen, nr_luf_pages', 'luf12-zone/addToPendList', 'luf addToFreeList: '],
  ['splice: the whole pend_list moves to free_list', 'luf12-zone/flushPendListIfDone', 'flushPendListIfDone: '],
  [
    'list choice',
    'rmqueueSmallest',
    'delPageFromFreeList',
    'nrFreePages',
    'luf12-zone/getPageFromFreeArea',
    'nonLufPagesOk: ',
    'luf delPageFromFreeList: off pend_list',
  ],
  ['a page taken from free_list gets zone_ugen = 0', 'getPageFromFreeArea: ', 'luf rmqueueBulk: '],
  ['takeoff_start(zone)', 'rmqueue', 'rmqueueBulk', 'luf12-takeoff/lufTakeoffStart'],
  [
    'takeoff_check_and_fold(page)',
    'luf12-takeoff/lufTakeoffCheckAndFoldPcp',
    'lufTakeoffCheckAndFold: frame on the list',
  ],
  ['takeoff_check_and_fold(zone, page)', 'luf12-takeoff/lufTakeoffCheckAndFold', 'pageZoneUgen: ', 'zoneUgenDone: '],
  [
    'zone.zone_ugen = next; nr_luf_pages = 0; fold(ubc_takeoff, zone.zone_batch, true)',
    'lufTakeoffCheckAndFold: batch of',
  ],
  ['isolate_freepages_block', 'isolateFreepagesBlock', 'pageBuddy'],
  ['compact_finished (context only)', 'compactFinished'],
  ['__isolate_free_page (unless it will be put back)', 'isolateFreePage', 'luf isolateFreePage: '],
  ['takeoff_check: the same decisions without folding', 'luf12-takeoff/lufTakeoffCheck'],
  ['takeoff_end(zone)', 'luf12-takeoff/lufTakeoffEnd'],
  ['wait value: loop with cond_resched()', 'waitZoneUgenDone: '],
  ['own value: zone.zone_ugen_done = own value', 'setZoneUgenDone: '],
  ['folio_mkclean', 'folioMkclean'],
  ['folio_invalidate', 'folioInvalidate'],
  ['invalidate_inode_pages2_range', 'invalidateInodePages2'],
  ['truncate_inode_folio', 'truncateInodeFolio'],
  ['truncate_inode_pages_range', 'truncateInodePages'],
  ['mapping_evict_folio, mapping_try_invalidate', 'mappingEvictFolio', 'mappingTryInvalidate'],
  ['remove_mapping, where a folio is evicted', 'removeMappingThaw'],
  ['remove_mapping: not on the way of shrink_folio_list(), which calls __remove_mapping()', 'mainline removeMapping'],
];

describe('the published lines of luf-v12', () => {
  it.each(LINES)('%s', (_, ...models) => {
    for (const model of models) {
      const routine = model.replace(/^mainline /, '');
      const [file, name] = model.split('/');
      if (routine !== model) {
        expect(MAINLINE).toHaveProperty(routine);
        expect(lufV12.routines).not.toHaveProperty(routine);
      } else if (model.includes(': '))
        expect(
          pointLabels().some((label) => label.startsWith(model)),
          model,
        ).toBe(true);
      else if (name !== undefined) expect(sources.get(file)).toMatch(new RegExp(`function\\*? ${name}\\b`));
      else expect(lufV12.routines).toHaveProperty(model);
    }
  });

  it('every point and every routine of the policy belongs to a line', () => {
    const named = LINES.flatMap(([, ...models]) => models);
    const own = [...sources].filter(([name]) => name.startsWith('luf12-')).map(([, text]) => text);
    const points = own.flatMap((text) => [...text.matchAll(/= point\(\s*'([^']+)'/g)].map(([, label]) => label));
    expect(points.length).toBeGreaterThan(25);
    expect(points.filter((label) => !named.some((model) => label.startsWith(model)))).toEqual([]);
    expect(Object.keys(lufV12.routines).filter((name) => !named.includes(name))).toEqual([]);
  });

  it('every flush point is one of the published list', () => {
    expect(lufV12.flushPoints.map((p) => p.name)).toEqual([
      'allocate',
      'isolateFree',
      'vmaEnd',
      'clearedEntry',
      'batchedPending',
      'taskSwitch',
      'fault',
      'fileWrite',
      'mkclean',
      'invalidate',
      'invalidatePages',
      'truncateFolio',
      'truncate',
      'evict',
      'reclaimKept',
    ]);
  });

  it('generations pass over values whose low 16 bits are 0, survive a wrap, and 0 is older than everything', () => {
    expect([nextUgen(2), nextUgen(0xffff), prevUgen(0x10001), prevUgen(3)]).toEqual([3, 0x10001, 0xffff, 2]);
    expect([ugenBefore(0x7fffffff, -0x80000000), ugenBefore(5, 5), ugenBefore(6, 5)]).toEqual([true, false, false]);
    expect([ugenLater(0, 7), ugenLater(7, 3), ugenLater(3, 7)]).toEqual([7, 7, 7]);
  });

  it('the 16 bits kept with a frame stand for the newest zone generation that they can be', () => {
    const zoneUgen = 0x30005;
    expect([0x30005, 0x30001, 0x2ffff].map((ugen) => pageZoneUgen(zoneUgen, shortUgen(ugen)))).toEqual([
      0x30005, 0x30001, 0x2ffff,
    ]);
    expect(pageZoneUgen(zoneUgen, 0)).toBe(0);
  });
});

describe('the map in the header of luf-v12', () => {
  const header = sources.get('luf-v12')!.split('*/')[0];
  const lines = [...header.matchAll(/^ \* {5}(\S.*?) {2,}(\S.*)$/gm)].map(([, , ours]) => ours);

  it('names functions, routines and flush points that exist', () => {
    const points = lufV12.flushPoints.map((p) => p.name);
    expect(lines.length).toBeGreaterThanOrEqual(15);
    for (const part of lines.flatMap((ours) => ours.split('; '))) {
      const [, file, names] = /^(luf(?:12)?-[a-z]+) (.*)$/.exec(part) ?? [];
      if (file === undefined) {
        for (const [, point] of part.matchAll(/`(\w+)`/g)) expect(points).toContain(point);
        continue;
      }
      for (const name of names.split(', ')) expect(sources.get(file)).toMatch(new RegExp(`function\\*? ${name}\\b`));
    }
  });
});
