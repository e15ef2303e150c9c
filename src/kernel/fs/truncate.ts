/**
 * Linux: mm/truncate.c truncate_setsize(), truncate_pagecache(), and mm/memory.c unmap_mapping_range(). The length changes
 * first, so that no fault maps what is about to go; then mappings, page cache, mappings once more, blocks.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { PG_DIRTY } from '../mm/folio.ts';
import { iMmapOf } from '../mm/i-mmap.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import { ZAP_INVALIDATE, ZAP_TRUNCATE, type ZapDetails } from '../mm/zap.ts';
import { EBADF, EFBIG, type FileId } from '../types.ts';
import { isCached } from './filemap.ts';
import { filePage, iSizeRead, iSizeWrite, isFile, isMemoryFile } from './inode.ts';

export const OLD_SIZE = point('sysTruncate: how long is the file?');
export const NEW_SIZE = point('truncateSetsize: length to be changed');
export const CANCELS_DIRTY = point('truncateInodeFolio: unmapped, dirty mark to be cancelled');
export const BLOCK_FREED = point('freeBlocks: pages gone, next word on disk to be freed');

/** truncate(2): 0 or a negative errno. */
export function* sysTruncate(cpu: Cpu, file: number, pages: number): Path<number> {
  const { kernel, geometry } = cpu;
  if (!isFile(cpu, file)) return EBADF;
  if (pages > geometry.filePages) return EFBIG;
  yield* kernel.inodeLock(cpu, file);
  if (isMemoryFile(cpu, file)) {
    yield* kernel.shmemSetattr(cpu, file, pages);
    yield* kernel.inodeUnlock(cpu, file);
    return 0;
  }
  yield* kernel.filemapInvalidateLock(cpu, file);
  const former = yield* iSizeRead(cpu, file, OLD_SIZE);
  yield* iSizeWrite(cpu, file, pages, NEW_SIZE);
  if (pages < former) {
    yield* kernel.truncatePagecache(cpu, file, pages);
    yield* kernel.freeBlocks(cpu, file, pages, former);
  }
  yield* kernel.filemapInvalidateUnlock(cpu, file);
  yield* kernel.inodeUnlock(cpu, file);
  return 0;
}

/**
 * The blocks of pages [from, to) go: what a hole holds is zero. Caller holds i_rwsem for writing, and nothing of them is
 * cached.
 */
export function* freeBlocks(cpu: Cpu, file: FileId, from: number, to: number): Path<void> {
  const { geometry, disk } = cpu;
  for (let index = from; index < to; index++) {
    const row = filePage(cpu, file, index);
    for (let k = 0; k < geometry.wordsPerPage; k++) {
      if (cpu.at(BLOCK_FREED, disk.words.at(row, k))) yield;
      disk.words.store(row, 0, k);
    }
  }
}

/** Linux: truncate_pagecache(). Private copies go, too. Caller holds i_rwsem and invalidate_lock for writing. */
export function* truncatePagecache(cpu: Cpu, file: FileId, from: number): Path<void> {
  const { filePages } = cpu.geometry;
  yield* cpu.kernel.unmapMappingRange(cpu, file, from, filePages - from);
  yield* cpu.kernel.truncateInodePages(cpu, file, from);
  // a private copy may have been made of a page whose truncation was under way
  yield* cpu.kernel.unmapMappingRange(cpu, file, from, filePages - from);
}

/** Linux: truncate_pagecache_range(), of whole pages. Private copies stay. Caller holds i_rwsem and invalidate_lock for writing. */
export function* truncatePagecacheRange(cpu: Cpu, file: FileId, from: number, to: number): Path<void> {
  yield* cpu.kernel.unmapMappingRange(cpu, file, from, to - from, ZAP_INVALIDATE);
  yield* cpu.kernel.truncateInodePages(cpu, file, from, to);
}

/** Linux: truncate_inode_pages_range(), by default up to the end of the file. */
export function* truncateInodePages(
  cpu: Cpu,
  file: FileId,
  from: number,
  to: number = cpu.geometry.filePages,
): Path<void> {
  for (let index = from; index < to; index++) {
    yield* cpu.kernel.truncateInodePage(cpu, file, index);
  }
}

/** Linux: the body of truncate_inode_pages_range(), one page. */
export function* truncateInodePage(cpu: Cpu, file: FileId, index: number): Path<void> {
  const { kernel } = cpu;
  const folio: Pfn = yield* kernel.filemapGetFolio(cpu, file, index);
  if (folio === NO_PAGE) return;
  yield* kernel.folioLock(cpu, folio);
  if (isCached(cpu, folio, file, index)) {
    yield* kernel.folioWaitWriteback(cpu, folio);
    yield* kernel.truncateInodeFolio(cpu, file, index, folio);
  }
  yield* kernel.folioUnlock(cpu, folio);
  yield* kernel.folioPut(cpu, folio);
}

/**
 * Linux: truncate_inode_folio() and truncate_cleanup_folio(), which leaves private copies alone. Caller holds the folio lock
 * and a reference.
 */
export function* truncateInodeFolio(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<void> {
  const { kernel } = cpu;
  if (yield* kernel.folioMapped(cpu, folio)) yield* kernel.unmapMappingRange(cpu, file, index, 1, ZAP_INVALIDATE);
  // folio_needs_release(): nothing is kept behind a folio of a memory file
  if (!isMemoryFile(cpu, file)) yield* kernel.folioInvalidate(cpu, file);
  if (cpu.at(CANCELS_DIRTY, cpu.folio.flags.at(folio))) yield;
  cpu.folio.flags.and(folio, ~PG_DIRTY);
  yield* kernel.filemapRemoveFolio(cpu, file, index, folio);
}

/** Linux: folio_invalidate(): the file system lets go of the buffers behind a folio. No word stands for them. */
export function* folioInvalidate(_cpu: Cpu, _file: FileId): Path<void> {}

/** Linux: unmap_mapping_pages(): whatever maps these pages of the file, in every address space; by default with even_cows. */
export function* unmapMappingRange(
  cpu: Cpu,
  file: FileId,
  first: number,
  pages: number,
  details: ZapDetails = ZAP_TRUNCATE,
): Path<void> {
  const { kernel } = cpu;
  yield* kernel.iMmapLockRead(cpu, file);
  for (const place of yield* kernel.vmaIntervalTreeForeach(cpu, iMmapOf(cpu, file), first, first + pages)) {
    const tlb = yield* kernel.tlbGatherMmu(cpu, place.mm);
    yield* kernel.unmapPageRange(cpu, tlb, place, details);
    yield* kernel.tlbFinishMmu(cpu, tlb);
  }
  yield* kernel.iMmapUnlockRead(cpu, file);
}
