/**
 * Linux: mm/shmem.c: pages of memory files between page cache and swap cache. A page is in one of the two, but for the moment in
 * which it moves, under its folio lock; the slot of the page cache is the one entry that leads to its slot of the device.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { deleteSlot, fillSlot, swapEntryOf } from '../fs/filemap.ts';
import { filePage } from '../fs/inode.ts';
import { EEXIST, ENOMEM, type FileId, NO_FILE, type SwapSlot } from '../types.ts';
import { NO_PAGE } from './page-alloc.ts';
import { CLUSTER, folioMatchesSwapEntry } from './swap-state.ts';

export const SWAP_CONFIRM = point('shmemConfirmSwap: does the slot of the page cache still lead to swap?');
export const SLOT_EXPECTED = point('shmemAddToPageCache: xa_lock held, is the swap entry still there?');
export const SWAP_CACHE_DROPS = point('shmemSwapinFolio: in the page cache, reference of the swap cache to be dropped');
export const ENTRY_FREES = point('shmemFreeSwap: xa_lock held, is the swap entry still there?');
export const ENTRY_GOES = point('shmemFreeSwap: swap entry to be taken out of the page cache');

/**
 * Linux: shmem_writeout() (shmem_writepage() before 6.16), which reclaim calls for a folio that is unmapped: it joins the swap cache,
 * its entry is counted, it leaves the page cache, it is written. False if there is no room: still locked then, and dirty. Linux
 * spares itself the way to here where there is no swap at all. Caller holds the folio lock, which is dropped, and a reference.
 */
export function* shmemWriteout(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<boolean> {
  const { kernel, geometry } = cpu;
  if (geometry.swapSlots === 0 || !(yield* kernel.folioAllocSwap(cpu, folio))) {
    yield* kernel.folioMarkDirty(cpu, folio);
    return false;
  }
  // swap_shmem_alloc()
  yield* kernel.swapDuplicate(cpu, cpu.folio.swap.load(folio) as SwapSlot);
  yield* kernel.shmemDeleteFromPageCache(cpu, file, index, folio);
  yield* kernel.swapWriteout(cpu, folio);
  return true;
}

/**
 * Linux: shmem_delete_from_page_cache(): as filemap_remove_folio(), and the slot says where in swap the page lies. Caller holds
 * the folio lock and a reference.
 */
export function* shmemDeleteFromPageCache(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<void> {
  const { kernel } = cpu;
  const lock = cpu.inode.iPagesLock.at(file);
  yield* kernel.spinLockIrqsave(cpu, lock);
  yield* deleteSlot(cpu, file, index, folio, -cpu.folio.swap.load(folio));
  yield* kernel.spinUnlockIrqrestore(cpu, lock);
  yield* kernel.folioPut(cpu, folio);
}

/**
 * Linux: shmem_swapin_folio(): the folio of a page that lies in swap, locked, with a reference, in the page cache again; -EEXIST if
 * it is to be looked for again, or -ENOMEM.
 */
export function* shmemSwapinFolio(cpu: Cpu, file: FileId, index: number, slot: SwapSlot): Path<number> {
  const { kernel } = cpu;
  let folio: Pfn = yield* kernel.swapCacheGetFolio(cpu, slot);
  if (folio === NO_PAGE) folio = yield* kernel.readSwapCacheAsync(cpu, slot);
  if (folio === NO_PAGE) return (yield* kernel.shmemConfirmSwap(cpu, file, index, slot)) ? ENOMEM : EEXIST;
  yield* kernel.folioLock(cpu, folio);
  const matches = folioMatchesSwapEntry(cpu, folio, slot);
  if (matches && (yield* kernel.shmemConfirmSwap(cpu, file, index, slot))) {
    yield* kernel.folioWaitWriteback(cpu, folio);
    if (yield* kernel.shmemAddToPageCache(cpu, file, index, folio, slot)) {
      yield* leaveSwapCache(cpu, folio, slot);
      return folio;
    }
  }
  yield* kernel.folioUnlock(cpu, folio);
  yield* kernel.folioPut(cpu, folio);
  return EEXIST;
}

/** Linux: shmem_confirm_swap(). Nothing is guaranteed a step later. */
export function* shmemConfirmSwap(cpu: Cpu, file: FileId, index: number, slot: SwapSlot): Path<boolean> {
  const { slot: cached } = cpu.pageCache;
  const row = filePage(cpu, file, index);
  if (cpu.at(SWAP_CONFIRM, cached.at(row))) yield;
  return swapEntryOf(cpu, file, cached.load(row)) === slot;
}

/**
 * Linux: shmem_add_to_page_cache() of a folio that was in swap: false if its entry is gone. Caller holds the folio lock and a
 * reference.
 */
export function* shmemAddToPageCache(
  cpu: Cpu,
  file: FileId,
  index: number,
  folio: Pfn,
  expected: SwapSlot,
): Path<boolean> {
  const { kernel, inode } = cpu;
  const { slot } = cpu.pageCache;
  const row = filePage(cpu, file, index);
  cpu.folio.mapping.store(folio, file);
  cpu.folio.index.store(folio, index);
  yield* kernel.spinLockIrqsave(cpu, inode.iPagesLock.at(file));
  if (cpu.at(SLOT_EXPECTED, slot.at(row))) yield;
  const former = slot.load(row);
  const fits = swapEntryOf(cpu, file, former) === expected;
  if (fits) yield* fillSlot(cpu, file, index, folio, former);
  yield* kernel.spinUnlockIrqrestore(cpu, inode.iPagesLock.at(file));
  if (!fits) {
    cpu.folio.mapping.store(folio, NO_FILE);
    cpu.folio.index.store(folio, 0);
  }
  return fits;
}

/**
 * Linux: swap_cache_del_folio(), folio_mark_dirty() and swap_free(): what the folio holds is nowhere else from now on. Caller
 * holds its lock.
 */
function* leaveSwapCache(cpu: Cpu, folio: Pfn, slot: SwapSlot): Path<void> {
  const { kernel, swap } = cpu;
  const { refcount } = cpu.folio;
  yield* kernel.spinLock(cpu, swap.lock.at(CLUSTER));
  yield* kernel.swapCacheDelFolio(cpu, folio);
  yield* kernel.spinUnlock(cpu, swap.lock.at(CLUSTER));
  if (cpu.at(SWAP_CACHE_DROPS, refcount.at(folio))) yield;
  refcount.add(folio, -1);
  yield* kernel.folioMarkDirty(cpu, folio);
  yield* kernel.swapFree(cpu, slot);
}

/** Linux: shmem_free_swap(): a page in swap is discarded; false if it is there no longer. */
export function* shmemFreeSwap(cpu: Cpu, file: FileId, index: number, slot: SwapSlot): Path<boolean> {
  const { kernel, inode } = cpu;
  const { slot: cached } = cpu.pageCache;
  const row = filePage(cpu, file, index);
  yield* kernel.spinLockIrqsave(cpu, inode.iPagesLock.at(file));
  if (cpu.at(ENTRY_FREES, cached.at(row))) yield;
  const there = swapEntryOf(cpu, file, cached.load(row)) === slot;
  if (there) {
    if (cpu.at(ENTRY_GOES, cached.at(row))) yield;
    cpu.observer?.slotChanges(cpu, file, index, -slot, 0);
    cached.store(row, 0);
  }
  yield* kernel.spinUnlockIrqrestore(cpu, inode.iPagesLock.at(file));
  if (there) yield* kernel.freeSwapAndCache(cpu, slot);
  return there;
}
