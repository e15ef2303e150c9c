/**
 * LUF v12 exactly as posted on 20 and 26 February 2025 (lore:20250226120336.29565-1-byungchul@sk.com), where a step looks wrong
 * too. The reference's pseudo-code, and where it is; a test holds the same lines:
 *
 *     luf_ugen, luf_key, next and prev                 luf12-ugen newLufUgen, newLufKey, nextUgen, prevUgen, pageZoneUgen
 *     reset, fold, done, check_done, diet              luf12-batch resetBatch, foldBatch, archTlbbatchDone, archTlbbatchCheckDone, archTlbbatchDiet
 *     add_pending, fold_luf, fold_luf_batch_mm         luf-batch addPendingTo; luf12-batch foldLuf, foldLufBatchMm
 *     recording an unmap                               luf12-record tryToUnmap, tryToMigrate, recorder
 *     flush_start, flush_end, the flushes of a batch   luf12-flush tlbFlushStart, tlbFlushEnd, tryToUnmapFlush, tryToUnmapFlushDirty, tryToUnmapFlushTakeoff
 *     flush_tlb_batched_pending                        flush point `batchedPending`; luf12-flush archFlushTlbBatchedPending
 *     fold_unmap_luf                                   luf12-record foldUnmapLuf
 *     luf_flush, of a key, an mm, a mapping, a VMA     luf12-flush lufFlush, lufFlushMm, lufFlushMapping, lufFlushVma
 *     hooks with more than one step                    flush points `fault`, `clearedEntry`, `vmaEnd`, `taskSwitch`, `fileWrite`
 *     shrink_folio_list                                flush point `reclaimKept`; luf12-reclaim shrinkFolio, reclaimedAdd, freeReclaimed
 *     migrate_pages_batch, migrate_folio_done          luf-apart migrateApart; luf12-reclaim migrateUnmapDone, migrateFolioDone
 *     free to pcp, pcp -> buddy                        luf12-alloc freeFrozenPages, commitWithKey; luf12-zone freeOnePage
 *     free list, splice, list choice                   luf12-zone addToPendList, flushPendListIfDone, getPageFromFreeArea
 *     compaction                                       flush point `isolateFree`; luf12-isolate isolateFreepagesBlock, isolateFreePage, compactFinished
 *     takeoff                                          flush point `allocate`; luf12-takeoff lufTakeoffStart, lufTakeoffCheck, lufTakeoffCheckAndFold, lufTakeoffEnd
 *     flush points of file content                     flush points `mkclean`, `invalidate`, `invalidatePages`, `truncateFolio`, `truncate`, `evict`
 *
 * remove_mapping() is reached where a folio is evicted; reclaim calls __remove_mapping(). iomap_file_buffered_write() is no
 * caller of write_begin: file systems that write by iomap, and block devices, pass no flush point there, in 6.14 neither. No
 * path of this kernel reaches: truncate_inode_partial_folio() (lengths are whole pages), the other callers of write_begin, the
 * branch of reclaim that leaves the last reference to somebody else (lazily freed pages), memory failure, bulk allocation,
 * fallback and highatomic blocks, compaction for an order (its fast search for free frames, its capture), isolation, reporting,
 * hot-remove. Reduced: luf_batch[] has `lufKeys` rows (65536 as posted), min_wmark_pages() is a sixteenth of the frames, one
 * order and one migratetype. VM_MAYWRITE is set in every mapping of this kernel but shared ones of FUSE files. nr_luf_pages
 * falls where a frame leaves pend_list, as in the patches. The machine is that of the program. 6.14 did not interrupt CPUs in
 * the middle of switch_mm either (switch `ipiWhileSwitching`), a bug of its own that was fixed in May 2025.
 */
import { mayMap } from '../kernel/fs/inode.ts';
import { type Kernel, MAINLINE } from '../kernel/kernel.ts';
import { NO_PAGE } from '../kernel/mm/page-alloc.ts';
import { type FileId, NO_FILE, VM_SHARED, VM_WRITE } from '../kernel/types.ts';
import { reclaimBatchInit } from './luf-apart.ts';
import { freeUnrefPage, rmqueue, rmqueueBulk } from './luf12-alloc.ts';
import { foldLufBatchMm, lufBatchInit } from './luf12-batch.ts';
import {
  archFlushTlbBatchedPending,
  lufFlushMapping,
  lufFlushMm,
  lufFlushVma,
  tryToUnmapFlush,
  tryToUnmapFlushDirty,
} from './luf12-flush.ts';
import { compactFinished, isolateFreePage, isolateFreepagesBlock } from './luf12-isolate.ts';
import {
  freeReclaimed,
  keepFolio,
  migrateFolioDone,
  migratePagesBatch,
  migrateUnmapDone,
  reclaimedAdd,
  shrinkFolio,
} from './luf12-reclaim.ts';
import { recorder, tryToMigrate, tryToMigrateOne, tryToUnmap, tryToUnmapOne } from './luf12-record.ts';
import { LUF12_TABLES, MAPPING_LUF_BATCH, MM_LUF_BATCH } from './luf12-tables.ts';
import { delPageFromFreeList, freeOnePage, nrFreePages, pageBuddy, rmqueueSmallest } from './luf12-zone.ts';
import { definePolicy, type PolicySpec } from './policy.ts';

/** What LUF does everywhere but at its flush points; also the ground of policies derived from it. */
export const LUF12_ROUTINES = {
  setTlbUbcFlushPending: recorder(foldLufBatchMm),
  tryToUnmapFlush,
  tryToUnmapFlushDirty,
  tryToUnmap,
  tryToUnmapOne,
  tryToMigrate,
  tryToMigrateOne,
  reclaimBatchInit,
  shrinkFolio,
  reclaimedAdd,
  freeReclaimed,
  migratePagesBatch,
  migrateUnmapDone,
  migrateFolioDone,
  freeUnrefPage,
  freeOnePage,
  rmqueueSmallest,
  delPageFromFreeList,
  pageBuddy,
  nrFreePages,
  *mmAlloc(cpu, parent) {
    const mm = yield* MAINLINE.mmAlloc(cpu, parent);
    if (mm !== 0) yield* lufBatchInit(cpu, cpu.wordsOf(MM_LUF_BATCH), mm);
    return mm;
  },
  *shmemZeroSetup(cpu, pages) {
    const file = yield* MAINLINE.shmemZeroSetup(cpu, pages);
    if (file !== NO_FILE) yield* lufBatchInit(cpu, cpu.wordsOf(MAPPING_LUF_BATCH), file);
    return file;
  },
} satisfies Partial<Kernel>;

export const LUF12_FLUSH_POINTS = {
  allocate: {
    says: 'frames leave the allocator: what they owe, except for CPUs that have flushed since',
    rmqueue,
    rmqueueBulk,
  },
  isolateFree: {
    says: 'compaction takes frames off the zone: what they owe, except for CPUs that have flushed since',
    isolateFreepagesBlock,
    isolateFreePage,
    compactFinished,
  },
  vmaEnd: {
    says: 'a walk over the entries of a VMA is over (munmap, mprotect, exit, truncation): its mapping if shared, its mm',
    *tlbEndVma(cpu, tlb, vma) {
      yield* lufFlushVma(cpu, vma);
      yield* MAINLINE.tlbEndVma(cpu, tlb, vma);
    },
  },
  clearedEntry: {
    says: 'ptep_clear_flush() of an entry that no TLB may hold: its mapping if shared, its mm',
    *ptepClearFlush(cpu, at, pte) {
      const old = yield* MAINLINE.ptepClearFlush(cpu, at, pte);
      if (!(yield* cpu.kernel.pteAccessible(cpu, at.mm, old))) yield* lufFlushVma(cpu, at.vma);
      return old;
    },
  },
  batchedPending: {
    says: 'a walk finds unmaps pending: the flush of the mm that mainline does, after which the CPUs of the mm count as done',
    archFlushTlbBatchedPending,
  },
  taskSwitch: {
    says: 'a borrowed mm is let go of: that mm',
    *mmdropLazyTlbSched(cpu, mm) {
      yield* MAINLINE.mmdropLazyTlbSched(cpu, mm);
      yield* lufFlushMm(cpu, mm);
    },
  },
  fault: {
    says: 'a fault is handled where stores are possible: its mapping if shared, its mm',
    *handleMmFault(cpu, mm, vma, vpn, write) {
      const flags = cpu.vma.flags.load(vma);
      const file = cpu.vma.object.load(vma) as FileId;
      // VM_WRITE, VM_MAYWRITE or a store
      const flush = write || mayMap(cpu, file, flags | VM_WRITE);
      const fault = yield* MAINLINE.handleMmFault(cpu, mm, vma, vpn, write);
      if (!flush) return fault;
      if ((flags & VM_SHARED) !== 0) yield* lufFlushMapping(cpu, file);
      yield* lufFlushMm(cpu, mm);
      return fault;
    },
  },
  fileWrite: {
    says: 'write_begin() has locked the folio that will change: the mapping',
    *mappingWriteBegin(cpu, file, index) {
      const folio = yield* MAINLINE.mappingWriteBegin(cpu, file, index);
      if (folio !== NO_PAGE) yield* lufFlushMapping(cpu, file);
      return folio;
    },
  },
  mkclean: {
    says: 'entries of a folio were made read-only and clean: the mapping',
    *folioMkclean(cpu, folio) {
      const file = cpu.folio.mapping.load(folio) as FileId;
      // folio_mkclean() returns before its walk, and without a flush, if nothing maps the folio
      if (!(yield* cpu.kernel.folioMapped(cpu, folio))) return false;
      const cleaned = yield* MAINLINE.folioMkclean(cpu, folio);
      yield* lufFlushMapping(cpu, file);
      return cleaned;
    },
  },
  invalidate: {
    says: 'folio_invalidate(): the mapping',
    *folioInvalidate(cpu, file) {
      yield* MAINLINE.folioInvalidate(cpu, file);
      yield* lufFlushMapping(cpu, file);
    },
  },
  invalidatePages: {
    says: 'invalidate_inode_pages2_range() has gone through the page cache: the mapping',
    *invalidateInodePages2(cpu, file, first, end) {
      const result = yield* MAINLINE.invalidateInodePages2(cpu, file, first, end);
      yield* lufFlushMapping(cpu, file);
      return result;
    },
  },
  truncateFolio: {
    says: 'truncation has taken a folio out of the page cache: the mapping',
    *truncateInodeFolio(cpu, file, index, folio) {
      yield* MAINLINE.truncateInodeFolio(cpu, file, index, folio);
      yield* lufFlushMapping(cpu, file);
    },
  },
  truncate: {
    says: 'truncation has gone through the page cache: the mapping',
    *truncateInodePages(cpu, file, from, to) {
      yield* MAINLINE.truncateInodePages(cpu, file, from, to);
      yield* lufFlushMapping(cpu, file);
    },
  },
  evict: {
    says: 'mapping_try_invalidate(), mapping_evict_folio() or remove_mapping() is done with the page cache, or a folio of it: the mapping',
    *mappingTryInvalidate(cpu, file, first, end) {
      yield* MAINLINE.mappingTryInvalidate(cpu, file, first, end);
      yield* lufFlushMapping(cpu, file);
    },
    *mappingEvictFolio(cpu, folio) {
      const file = cpu.folio.mapping.load(folio) as FileId;
      const gone = yield* MAINLINE.mappingEvictFolio(cpu, folio);
      yield* lufFlushMapping(cpu, file);
      return gone;
    },
    *removeMappingThaw(cpu, folio) {
      const file = cpu.folio.mapping.load(folio) as FileId;
      const gone = yield* MAINLINE.removeMappingThaw(cpu, folio);
      yield* lufFlushMapping(cpu, file);
      return gone;
    },
  },
  reclaimKept: {
    says: 'reclaim has unmapped a folio and keeps it after all: what the batch owes so far',
    keepFolio,
  },
} satisfies PolicySpec['flushPoints'];

export const lufV12 = definePolicy({
  name: 'luf-v12',
  says: 'lazy unmap flush v12 as posted for 6.14-rc4: as v11, with requests timed, per mm and mapping, and batched per zone',
  base: 'mainline 6.14-rc4',
  gates: {
    frameReuse: 'flushed before a frame taken off a free list is used, by those who have not flushed since',
    vaReuse: 'flushTlbBatchedPending under the PTL of each table that a walk enters; the VMA at the end of a walk',
    tableFree: 'as mainline',
    narrowing: 'as mainline; entries that were writable are never put off',
    content: 'the mapping after write_begin, truncation and cleaning; mm and mapping after a fault',
    atomicAlloc: 'such contexts take only frames that owe nothing, and fail if there is none',
  },
  tables: LUF12_TABLES,
  flushPoints: LUF12_FLUSH_POINTS,
  ...LUF12_ROUTINES,
});
