/**
 * Linux: mm/vmscan.c: reclaim of a list of folios. The order that matters: every folio of the batch is unmapped, leaves the
 * page cache and is unlocked; then one flush; then the batch is freed.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { deleteSlot } from '../fs/filemap.ts';
import { filePage, isFile } from '../fs/inode.ts';
import { EBADF, type FileId, NO_FILE } from '../types.ts';
import { PG_WRITEBACK } from './folio.ts';
import { TTU_BATCH_FLUSH } from './try-to-unmap.ts';

export const WRITEBACK_CHECK = point('shrinkFolioList: folio locked, is it being written out?');
export const REFERENCES = point('pageout: dirty, does anybody else hold it?');
export const FREEZES = point('removeMapping: xa_lock held, references to be frozen');
export const UNFREEZES = point('removeMapping: dirty again, references to be given back');

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
 * Linux: the body of shrink_folio_list(), one folio: true if it has left the page cache and has no reference any more. As on
 * request, whether it was referenced lately does not matter.
 */
export function* shrinkFolio(cpu: Cpu, folio: Pfn): Path<boolean> {
  const { kernel } = cpu;
  if (!(yield* kernel.folioTrylock(cpu, folio))) return false;
  const file = cpu.folio.mapping.load(folio) as FileId;
  const index = cpu.folio.index.load(folio);
  let gone = false;
  if (file !== NO_FILE && !(yield* isInWriteback(cpu, folio))) {
    if (yield* kernel.folioMapped(cpu, folio)) yield* kernel.tryToUnmap(cpu, folio, TTU_BATCH_FLUSH);
    if (!(yield* kernel.folioMapped(cpu, folio))) {
      const clean = !(yield* kernel.folioTestDirty(cpu, folio)) || (yield* kernel.pageout(cpu, file, index, folio));
      gone = clean && (yield* kernel.removeMapping(cpu, file, index, folio));
    }
  }
  yield* kernel.folioUnlock(cpu, folio);
  return gone;
}

function* isInWriteback(cpu: Cpu, folio: Pfn): Path<boolean> {
  if (cpu.at(WRITEBACK_CHECK, cpu.folio.flags.at(folio))) yield;
  return (cpu.folio.flags.load(folio) & PG_WRITEBACK) !== 0;
}

/**
 * Linux: pageout(): what was unmapped dirty may still be written through some TLB, so that is flushed first. True if the
 * folio is clean and locked again. Caller holds the folio lock.
 */
export function* pageout(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<boolean> {
  const { kernel } = cpu;
  yield* kernel.tryToUnmapFlushDirty(cpu);
  if (cpu.at(REFERENCES, cpu.folio.refcount.at(folio))) yield;
  if (cpu.folio.refcount.load(folio) !== 2) return false;
  if (!(yield* kernel.folioClearDirtyForIo(cpu, folio))) return true;
  yield* kernel.writeFolio(cpu, file, index, folio);
  // written synchronously: lock it again and see whether it stayed as it was
  yield* kernel.folioLock(cpu, folio);
  return cpu.folio.mapping.load(folio) === file && !(yield* kernel.folioTestDirty(cpu, folio));
}

/**
 * Linux: __remove_mapping(): if nobody but the page cache and the caller holds the folio, both references go, the slot gets
 * a shadow entry, and nobody can find the folio any more. Caller holds the folio lock.
 */
export function* removeMapping(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<boolean> {
  const { kernel, inode } = cpu;
  const { refcount } = cpu.folio;
  const lock = inode.iPagesLock.at(file);
  yield* kernel.spinLockIrqsave(cpu, lock);
  if (cpu.at(FREEZES, refcount.at(folio))) yield;
  const frozen = refcount.cas(folio, 2, 0) === 2;
  let removed = frozen;
  if (frozen && (yield* kernel.folioTestDirty(cpu, folio))) {
    if (cpu.at(UNFREEZES, refcount.at(folio))) yield;
    refcount.store(folio, 2);
    removed = false;
  }
  if (removed) yield* deleteSlot(cpu, file, index, folio, shadowOf(cpu, file, index));
  yield* kernel.spinUnlockIrqrestore(cpu, lock);
  return removed;
}

/** Linux: workingset_eviction(): what the slot remembers. Negative, so that no look-up takes it for a folio. */
function shadowOf(cpu: Cpu, file: FileId, index: number): number {
  return -1 - filePage(cpu, file, index);
}
