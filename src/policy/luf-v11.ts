/**
 * LUF v11 exactly as posted on 31 May 2024 (lore:20240531092001.30428-1-byungchul@sk.com), where a step looks wrong too. The
 * reference's pseudo-code line by line, and where each line is; a test holds the same list:
 *
 *     unmap: can_luf = true; record per PTE; fold      luf-reclaim tryToUnmap, tryToMigrate; luf-batch setTlbUbcFlushPending, foldWalk
 *     end of batch: trylock, give up or luf_ubc |=     luf-coordinator tryToUnmapLuf; luf-reclaim reclaimedAdd, freeReclaimed, migrateUnmapDone
 *     try_to_unmap_flush, on_flushing, removed CPUs    luf-coordinator tryToUnmapFlush, rmapFlushStart, rmapFlushEnd
 *     free(page, g)                                    luf-alloc freeUnrefPageUgen
 *     folio_put_ugen(folio, g)                         luf-alloc folioPutUgen; luf-reclaim migrateFolioDone
 *     allocate: current.ugen = later(…)                luf-alloc rmqueue, delPageFromFreeList; flush point `allocate`
 *     check_luf_flush(g), luf_flush()                  luf-coordinator checkLufFlush, lufFlush
 *     forced flush points                              flush points `allocate`, `isolateFree`, `fileWrite`, `lostRace`, `initOnFree`
 *
 * Not modelled, because this kernel has none of them: compaction for an order and its fast search for free frames, isolation,
 * reporting, KASAN poisoning, huge pages, memory failure. Restated: wp_page_copy() and finish_mkwrite_fault()
 * read the entry again after the PTL is dropped to see whether it is writable; here it is the entry they found under the PTL.
 */
import { pteWrite } from '../hardware/pte.ts';
import { isBlockDevice } from '../kernel/fs/inode.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { checkFlushPageUgen, checkFlushTaskUgen, delPageFromFreeList, freeUnrefPage, rmqueue } from './luf-alloc.ts';
import { reclaimBatchInit } from './luf-apart.ts';
import { auditLuf } from './luf-audit.ts';
import { setTlbUbcFlushPending, tryToUnmapFlushDirty } from './luf-batch.ts';
import { lufFlush, tryToUnmapFlush } from './luf-coordinator.ts';
import {
  freeReclaimed,
  migrateFolioDone,
  migratePagesBatch,
  migrateUnmapDone,
  reclaimedAdd,
  shrinkFolio,
  tryToMigrate,
  tryToUnmap,
} from './luf-reclaim.ts';
import { LUF_TABLES, LUF_TASK } from './luf-tables.ts';
import { definePolicy, type PolicySpec } from './policy.ts';

/** What LUF does everywhere but at its flush points; also the ground of policies derived from it. */
export const LUF_ROUTINES = {
  setTlbUbcFlushPending,
  tryToUnmapFlush,
  tryToUnmapFlushDirty,
  tryToUnmap,
  tryToMigrate,
  reclaimBatchInit,
  shrinkFolio,
  reclaimedAdd,
  freeReclaimed,
  migratePagesBatch,
  migrateUnmapDone,
  migrateFolioDone,
  freeUnrefPage,
  rmqueue,
  delPageFromFreeList,
};

export const LUF_FLUSH_POINTS = {
  allocate: {
    says: 'a frame gets a new owner: the flush that it owes, if it is not done yet',
    *prepNewPage(cpu, pfn, owner) {
      yield* checkFlushTaskUgen(cpu);
      yield* MAINLINE.prepNewPage(cpu, pfn, owner);
    },
  },
  isolateFree: {
    says: 'compaction has taken frames off the zone: the flush that they owe, if it is not done yet',
    *isolateFreepagesBlock(cpu, cc, pfn, end) {
      const at = yield* MAINLINE.isolateFreepagesBlock(cpu, cc, pfn, end);
      yield* checkFlushTaskUgen(cpu);
      return at;
    },
  },
  fileWrite: {
    says: 'write(2) or fallocate(2) has changed a regular file: everything put off so far',
    *fileEndWrite(cpu, file) {
      yield* MAINLINE.fileEndWrite(cpu, file);
      // of regular files only, like file_end_write() itself
      if (!isBlockDevice(cpu, file)) yield* lufFlush(cpu);
    },
  },
  lostRace: {
    says: 'a fault finds that another thread has set a writable entry: everything put off so far, once the PTL is dropped',
    /** Linux: need_luf_flush(). Caller holds the PTL. */
    *updateMmuTlb(cpu, vmf, now) {
      yield* MAINLINE.updateMmuTlb(cpu, vmf, now);
      if (!pteWrite(vmf.origPte) && pteWrite(now)) cpu.wordsOf(LUF_TASK).luf.put(cpu.current, 1);
    },
    *pteUnmapUnlock(cpu, pte) {
      yield* MAINLINE.pteUnmapUnlock(cpu, pte);
      const { luf } = cpu.wordsOf(LUF_TASK);
      if (luf.own(cpu.current) === 0) return;
      luf.put(cpu.current, 0);
      yield* lufFlush(cpu);
    },
  },
  initOnFree: {
    says: 'a frame is about to be zeroed because it is freed (init_on_free): the flush that it owes',
    *freePagesPrepare(cpu, pfn) {
      if (cpu.switches.initOnFree) yield* checkFlushPageUgen(cpu, pfn);
      yield* MAINLINE.freePagesPrepare(cpu, pfn);
    },
  },
} satisfies PolicySpec['flushPoints'];

export const lufV11 = definePolicy({
  name: 'luf-v11',
  says: 'lazy unmap flush v11 as posted for 6.10-rc: flushes of read-only mappings wait until a frame is allocated again',
  base: 'mainline 6.10-rc',
  gates: {
    frameReuse: 'flushed before a frame leaves the allocator for a new owner',
    vaReuse: 'flushTlbBatchedPending under the PTL of each table that a walk enters',
    tableFree: 'as mainline',
    narrowing: 'as mainline; entries that were writable are never put off',
    content: 'flushed after write(2), and where a fault loses a race to a writable entry',
    atomicAlloc: 'flushed there, too: a cross-call with interrupts off, in which two CPUs may wait for each other',
  },
  tables: LUF_TABLES,
  audit: auditLuf,
  flushPoints: LUF_FLUSH_POINTS,
  ...LUF_ROUTINES,
});
