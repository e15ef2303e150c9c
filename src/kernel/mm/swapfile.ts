/**
 * Linux: mm/swapfile.c: slots of the swap device and how many page-table entries lead to each. A slot is in use while one does,
 * or while the swap cache has a folio for it. Reduced: one device of one cluster, the lowest free slot is taken, and counts
 * do not overflow.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { NO_SLOT, type SwapSlot } from '../types.ts';
import { PG_SWAPCACHE, PG_WRITEBACK } from './folio.ts';
import { NO_PAGE } from './page-alloc.ts';
import { CLUSTER, folioMatchesSwapEntry, SWAP_HAS_CACHE } from './swap-state.ts';

export const FREEABLE = point('folioFreeSwap: folio locked, is it in the swap cache and not being written?');
export const CACHE_DROPS = point('folioFreeSwap: out of the swap cache, its reference to be dropped');
export const CACHED_CHECK = point('freeSwapCache: folio unmapped, is it in the swap cache?');

/**
 * Linux: folio_alloc_swap(): a slot of its own for the folio, which joins the swap cache. False if the device is full. Caller
 * holds the folio lock.
 */
export function* folioAllocSwap(cpu: Cpu, folio: Pfn): Path<boolean> {
  const { kernel, swap, geometry } = cpu;
  yield* kernel.spinLock(cpu, swap.lock.at(CLUSTER));
  let slot = 1 as SwapSlot;
  while (slot <= geometry.swapSlots && swap.map.load(CLUSTER, slot) !== 0) slot++;
  const found = slot <= geometry.swapSlots;
  if (found) yield* kernel.swapCacheAddFolio(cpu, folio, slot);
  yield* kernel.spinUnlock(cpu, swap.lock.at(CLUSTER));
  return found;
}

/** Linux: swap_duplicate(): one more entry will lead to the slot. Caller knows of one, or holds the lock of its folio. */
export function* swapDuplicate(cpu: Cpu, slot: SwapSlot): Path<void> {
  const { kernel, swap } = cpu;
  yield* kernel.spinLock(cpu, swap.lock.at(CLUSTER));
  const count = swap.map.load(CLUSTER, slot);
  if (count === 0) cpu.bug(`swap slot ${slot} duplicated, but free`);
  swap.map.store(CLUSTER, count + 1, slot);
  yield* kernel.spinUnlock(cpu, swap.lock.at(CLUSTER));
}

/**
 * Linux: swap_free(): an entry that leads to the slot goes, or has gone, under the PTL. Whether only the swap cache uses the
 * slot now.
 */
export function* swapFree(cpu: Cpu, slot: SwapSlot): Path<boolean> {
  const { kernel, swap } = cpu;
  yield* kernel.spinLock(cpu, swap.lock.at(CLUSTER));
  const count = swap.map.load(CLUSTER, slot);
  if (count === 0 || count === SWAP_HAS_CACHE) cpu.bug(`swap slot ${slot} freed with swap_map 0x${count.toString(16)}`);
  swap.map.store(CLUSTER, count - 1, slot);
  yield* kernel.spinUnlock(cpu, swap.lock.at(CLUSTER));
  return count - 1 === SWAP_HAS_CACHE;
}

/**
 * Linux: free_swap_and_cache(): as swapFree, and the last entry takes the folio out of the swap cache if nobody is busy with
 * it. Caller holds the PTL.
 */
export function* freeSwapAndCache(cpu: Cpu, slot: SwapSlot): Path<void> {
  if (yield* cpu.kernel.swapFree(cpu, slot)) yield* cpu.kernel.tryToReclaimSwap(cpu, slot);
}

/** Linux: __try_to_reclaim_swap(TTRS_UNMAPPED). */
export function* tryToReclaimSwap(cpu: Cpu, slot: SwapSlot): Path<void> {
  const { kernel } = cpu;
  const folio = yield* kernel.swapCacheGetFolio(cpu, slot);
  if (folio === NO_PAGE) return;
  if (yield* kernel.folioTrylock(cpu, folio)) {
    const unused = folioMatchesSwapEntry(cpu, folio, slot) && !(yield* kernel.folioMapped(cpu, folio));
    if (unused) yield* kernel.folioFreeSwap(cpu, folio);
    yield* kernel.folioUnlock(cpu, folio);
  }
  yield* kernel.folioPut(cpu, folio);
}

/**
 * Linux: folio_free_swap(): takes the folio out of the swap cache if no entry leads to its slot; what it holds is then nowhere
 * else, so it is dirty. Whether it did. Caller holds the folio lock and a reference.
 */
export function* folioFreeSwap(cpu: Cpu, folio: Pfn): Path<boolean> {
  const { kernel, swap } = cpu;
  const { flags, refcount } = cpu.folio;
  if (cpu.at(FREEABLE, flags.at(folio))) yield;
  if ((flags.load(folio) & (PG_SWAPCACHE | PG_WRITEBACK)) !== PG_SWAPCACHE) return false;
  const slot = cpu.folio.swap.load(folio) as SwapSlot;
  yield* kernel.spinLock(cpu, swap.lock.at(CLUSTER));
  const unused = slot !== NO_SLOT && swap.map.load(CLUSTER, slot) === SWAP_HAS_CACHE;
  if (unused) yield* kernel.swapCacheDelFolio(cpu, folio);
  yield* kernel.spinUnlock(cpu, swap.lock.at(CLUSTER));
  if (!unused) return false;
  if (cpu.at(CACHE_DROPS, refcount.at(folio))) yield;
  refcount.add(folio, -1);
  yield* kernel.folioMarkDirty(cpu, folio);
  return true;
}

/** Linux: free_swap_cache(), of a folio that has lost a mapping, before its reference is dropped. Nothing to do without swap. */
export function* freeSwapCache(cpu: Cpu, folio: Pfn): Path<void> {
  const { kernel } = cpu;
  if (cpu.geometry.swapSlots === 0) return;
  if (cpu.at(CACHED_CHECK, cpu.folio.flags.at(folio))) yield;
  if ((cpu.folio.flags.load(folio) & PG_SWAPCACHE) === 0) return;
  if ((yield* kernel.folioMapped(cpu, folio)) || !(yield* kernel.folioTrylock(cpu, folio))) return;
  yield* kernel.folioFreeSwap(cpu, folio);
  yield* kernel.folioUnlock(cpu, folio);
}
