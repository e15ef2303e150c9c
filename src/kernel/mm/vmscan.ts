/**
 * Linux: mm/vmscan.c: reclaim of a list of folios. The order that matters: every folio of the batch is unmapped, leaves the
 * page cache and is unlocked; then one flush; then the batch is freed.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { deleteSlot } from '../fs/filemap.ts';
import { filePage, isFile, isMemoryFile } from '../fs/inode.ts';
import { EBADF, type FileId, NO_FILE, NO_SLOT, type SwapSlot } from '../types.ts';
import { PG_DIRTY, PG_WRITEBACK } from './folio.ts';
import { isAnon } from './rmap.ts';
import { CLUSTER } from './swap-state.ts';
import { TTU_BATCH_FLUSH } from './try-to-unmap.ts';

export const WRITEBACK_CHECK = point('shrinkFolioList: folio locked, is it being written out?');
export const REFERENCES = point('pageout: dirty, does anybody else hold it?');
export const CLEAN_CHECK = point('pageout: written, did the folio stay clean?');
export const RELOCKED = point('pageout: written and locked again, is the folio still clean?');
export const FREEZES = point('removeMapping: xa_lock held, references to be frozen');
export const UNFREEZES = point('removeMapping: dirty again, references to be given back');

/** What pageout left: still locked but for PAGE_KEEP, and clean only after PAGE_CLEAN. */
export type PageOut = typeof PAGE_KEEP | typeof PAGE_KEEP_LOCKED | typeof PAGE_CLEAN;
export const PAGE_KEEP = 0;
export const PAGE_KEEP_LOCKED = 1;
export const PAGE_CLEAN = 2;

/** Folios that have left the page cache, without a reference, and wait for the flush. Lives as long as the call. */
export interface ReclaimBatch {
  readonly folios: Pfn[];
}

/** Reclaim on request (memory.reclaim, MADV_PAGEOUT): pages of a file. How many folios were freed, or a negative errno. */
export function* reclaimPages(cpu: Cpu, file: number, index: number, pages: number): Path<number> {
  if (!isFile(cpu, file)) return EBADF;
  const end = Math.min(index + pages, cpu.geometry.filePages);
  let freed = 0;
  for (let at = index; at < end; ) {
    const { folios, next } = yield* cpu.kernel.isolateRange(cpu, file, at, end);
    freed += yield* cpu.kernel.shrinkFolioList(cpu, folios);
    at = next;
  }
  return freed;
}

/**
 * Linux: shrink_folio_list() and the putback of its callers: how many were freed. The isolation of each folio ends, either way;
 * that of those kept (ret_folios) after the last flush, because they may have been unmapped before they were kept.
 */
export function* shrinkFolioList(cpu: Cpu, folios: readonly Pfn[]): Path<number> {
  const batch: ReclaimBatch = yield* cpu.kernel.reclaimBatchInit(cpu);
  const kept: Pfn[] = [];
  for (const folio of folios) {
    if (yield* cpu.kernel.shrinkFolio(cpu, folio)) yield* cpu.kernel.reclaimedAdd(cpu, batch, folio);
    else yield* cpu.kernel.keepFolio(cpu, kept, folio);
  }
  yield* cpu.kernel.freeReclaimed(cpu, batch);
  for (const folio of kept) yield* cpu.kernel.folioPutbackLru(cpu, folio);
  return folios.length - kept.length;
}

/** Linux: folio_batch_init() of shrink_folio_list(). */
export function* reclaimBatchInit(_cpu: Cpu): Path<ReclaimBatch> {
  return { folios: [] };
}

/** Linux: keep: of shrink_folio_list(): the folio, unlocked, stays after all. */
export function* keepFolio(_cpu: Cpu, kept: Pfn[], folio: Pfn): Path<void> {
  kept.push(folio);
}

/** Linux: free_it: of shrink_folio_list(): a folio without references waits; a full batch is flushed and freed. */
export function* reclaimedAdd(cpu: Cpu, batch: ReclaimBatch, folio: Pfn): Path<void> {
  batch.folios.push(folio);
  if (batch.folios.length >= cpu.geometry.reclaimBatch) yield* cpu.kernel.freeReclaimed(cpu, batch);
}

/** Linux: try_to_unmap_flush(), then free_unref_folios(). */
export function* freeReclaimed(cpu: Cpu, batch: ReclaimBatch): Path<void> {
  yield* cpu.kernel.tryToUnmapFlush(cpu);
  for (const folio of batch.folios.splice(0)) yield* cpu.kernel.freeUnrefPage(cpu, folio);
}

/**
 * Linux: the body of shrink_folio_list(), one folio: true if it has left the page cache or the swap cache and has no reference
 * any more. As on request, whether it was referenced lately does not matter.
 */
export function* shrinkFolio(cpu: Cpu, folio: Pfn): Path<boolean> {
  const { kernel } = cpu;
  if (!(yield* kernel.folioTrylock(cpu, folio))) return false;
  let gone = false;
  const file = cpu.folio.mapping.load(folio) !== NO_FILE;
  const takes = (file || isAnon(cpu, folio)) && !(yield* isInWriteback(cpu, folio));
  if (takes && (file || (yield* kernel.isLazyfree(cpu, folio)) || (yield* kernel.addToSwap(cpu, folio)))) {
    if (yield* kernel.folioMapped(cpu, folio)) yield* kernel.tryToUnmap(cpu, folio, TTU_BATCH_FLUSH);
    if (!(yield* kernel.folioMapped(cpu, folio))) {
      const dirty = yield* kernel.folioTestDirty(cpu, folio);
      const left = dirty ? yield* kernel.pageout(cpu, folio) : PAGE_CLEAN;
      if (left === PAGE_KEEP) return false;
      gone = left === PAGE_CLEAN && (yield* kernel.removeMapping(cpu, folio));
    }
  }
  yield* kernel.folioUnlock(cpu, folio);
  return gone;
}

/**
 * Linux: where shrink_folio_list() gives an anonymous folio a slot: false if the device is full. Dirty from then on, because the
 * slot has never been written, whatever the entries say. Caller holds the folio lock.
 */
export function* addToSwap(cpu: Cpu, folio: Pfn): Path<boolean> {
  if (cpu.folio.swap.load(folio) !== NO_SLOT) return true;
  if (!(yield* cpu.kernel.folioAllocSwap(cpu, folio))) return false;
  yield* cpu.kernel.folioMarkDirty(cpu, folio);
  return true;
}

function* isInWriteback(cpu: Cpu, folio: Pfn): Path<boolean> {
  if (cpu.at(WRITEBACK_CHECK, cpu.folio.flags.at(folio))) yield;
  return (cpu.folio.flags.load(folio) & PG_WRITEBACK) !== 0;
}

/**
 * Linux: pageout() and what shrink_folio_list() does around it: what was unmapped dirty may still be written through some TLB,
 * so that is flushed first. Caller holds the folio lock.
 */
export function* pageout(cpu: Cpu, folio: Pfn): Path<PageOut> {
  const { kernel } = cpu;
  const file = cpu.folio.mapping.load(folio) as FileId;
  const index = cpu.folio.index.load(folio);
  const { flags } = cpu.folio;
  yield* kernel.tryToUnmapFlushDirty(cpu);
  if (cpu.at(REFERENCES, cpu.folio.refcount.at(folio))) yield;
  if (cpu.folio.refcount.load(folio) !== 2) return PAGE_KEEP_LOCKED;
  if (!(yield* kernel.folioClearDirtyForIo(cpu, folio))) return PAGE_CLEAN;
  if (file !== NO_FILE && isMemoryFile(cpu, file)) {
    if (!(yield* kernel.shmemWriteout(cpu, file, index, folio))) return PAGE_KEEP_LOCKED;
  } else if (file !== NO_FILE) yield* kernel.writeFolio(cpu, file, index, folio);
  else yield* kernel.swapWriteout(cpu, folio);
  // written synchronously: lock it again, if nobody else has, and see whether it stayed as it was
  if (cpu.at(CLEAN_CHECK, flags.at(folio))) yield;
  if ((flags.load(folio) & (PG_DIRTY | PG_WRITEBACK)) !== 0) return PAGE_KEEP;
  if (!(yield* kernel.folioTrylock(cpu, folio))) return PAGE_KEEP;
  if (cpu.at(RELOCKED, flags.at(folio))) yield;
  return (flags.load(folio) & (PG_DIRTY | PG_WRITEBACK)) === 0 ? PAGE_CLEAN : PAGE_KEEP_LOCKED;
}

/**
 * Linux: mm/page_io.c swap_writeout(), to the end of the I/O. A slot to which no entry leads is given up instead. Caller holds
 * the folio lock, which is dropped.
 */
export function* swapWriteout(cpu: Cpu, folio: Pfn): Path<void> {
  const { kernel } = cpu;
  if (yield* kernel.folioFreeSwap(cpu, folio)) {
    yield* kernel.folioUnlock(cpu, folio);
    return;
  }
  const slot = cpu.folio.swap.load(folio) as SwapSlot;
  cpu.observer?.swapMoves(cpu, folio, slot, 'out');
  yield* kernel.folioStartWriteback(cpu, folio);
  yield* kernel.folioUnlock(cpu, folio);
  yield* kernel.submitBioWrite(cpu, folio, cpu.swapDisk, slot);
  yield* kernel.folioEndWriteback(cpu, folio);
}

/**
 * Linux: __remove_mapping(): if nobody but the page cache, or the swap cache, and the caller holds the folio, both references go,
 * and nobody can find the folio any more: its slot in the page cache gets a shadow entry. Caller holds the folio lock.
 */
export function* removeMapping(cpu: Cpu, folio: Pfn): Path<boolean> {
  const { kernel, inode } = cpu;
  const { refcount } = cpu.folio;
  const file = cpu.folio.mapping.load(folio) as FileId;
  const index = cpu.folio.index.load(folio);
  if (file === NO_FILE && cpu.folio.swap.load(folio) === NO_SLOT) return yield* kernel.removeLazyfree(cpu, folio);
  const lock = file !== NO_FILE ? inode.iPagesLock.at(file) : cpu.swap.lock.at(CLUSTER);
  yield* kernel.spinLockIrqsave(cpu, lock);
  if (cpu.at(FREEZES, refcount.at(folio))) yield;
  const frozen = refcount.cas(folio, 2, 0) === 2;
  let removed = frozen;
  if (frozen && (yield* kernel.folioTestDirty(cpu, folio))) {
    if (cpu.at(UNFREEZES, refcount.at(folio))) yield;
    refcount.store(folio, 2);
    removed = false;
  }
  if (removed) {
    if (file !== NO_FILE) yield* deleteSlot(cpu, file, index, folio, shadowOf(cpu, file, index));
    else yield* kernel.swapCacheDelFolio(cpu, folio);
  }
  yield* kernel.spinUnlockIrqrestore(cpu, lock);
  return removed;
}

/**
 * Linux: workingset_eviction(): what the slot remembers, but of memory files. Negative, so that no look-up takes it for a
 * folio.
 */
function shadowOf(cpu: Cpu, file: FileId, index: number): number {
  if (isMemoryFile(cpu, file)) return 0;
  return -1 - filePage(cpu, file, index);
}
