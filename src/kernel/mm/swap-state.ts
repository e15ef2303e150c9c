/**
 * Linux: mm/swap_state.c: the swap cache, which finds the folio of a slot while it is being written out or was read in, so
 * that all entries of a slot come to one folio. It holds a reference. SWAP_HAS_CACHE and the cache's slot change in one
 * critical section here, as they do from 6.19 on; so nobody waits for a folio that is about to appear.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { folioSetLocked } from '../fs/folio-lock.ts';
import { OWNER_USER } from '../observer.ts';
import { NO_SLOT, type SwapSlot } from '../types.ts';
import { PG_SWAPCACHE, PG_UPTODATE } from './folio.ts';
import { NO_PAGE } from './page-alloc.ts';

/** The row of the one cluster of the one swap device. */
export const CLUSTER = 0;
/** In swap_map, beside the count: the swap cache has a folio for the slot. */
export const SWAP_HAS_CACHE = 0x40;

export const CACHE_READ = point('swapCacheGetFolio: slot of the swap cache to be read');
export const CACHE_REFERENCE = point('swapCacheAddFolio: cluster locked, reference of the cache to be taken');
export const JOINS_CACHE = point('swapCacheAddFolio: reference taken, to be marked as cached');
export const CACHE_FILLS = point('swapCacheAddFolio: marked, slot of the swap cache to be filled');
export const CACHE_EMPTIES = point('swapCacheDelFolio: slot of the swap cache to be emptied');
export const LEAVES_CACHE = point('swapCacheDelFolio: slot emptied, mark to be cleared');
export const NEW_LOCKED = point('readSwapCacheAsync: new folio, to be locked');
export const SWAP_READ = point('swapReadFolio: read from swap, to be marked up to date');

/** Linux: swap_cache_get_folio(): the folio with a reference, or NO_PAGE. What it is must be rechecked under its lock. */
export function* swapCacheGetFolio(cpu: Cpu, slot: SwapSlot): Path<Pfn> {
  const { cache } = cpu.swap;
  for (const known = cpu.knows(); ; cpu.startsOver(known)) {
    if (cpu.at(CACHE_READ, cache.at(CLUSTER, slot))) yield;
    const pfn = cache.load(CLUSTER, slot) as Pfn;
    if (pfn === NO_PAGE || (yield* cpu.kernel.folioTryGet(cpu, pfn))) return pfn;
  }
}

/** Linux: folio_matches_swap_entry(). Caller holds the folio lock. */
export function folioMatchesSwapEntry(cpu: Cpu, folio: Pfn, slot: SwapSlot): boolean {
  return cpu.folio.swap.load(folio) === slot;
}

/** Linux: swap_cache_add_folio(). Caller holds the lock of the cluster and the folio lock; the slot has no folio. */
export function* swapCacheAddFolio(cpu: Cpu, folio: Pfn, slot: SwapSlot): Path<void> {
  const { swap } = cpu;
  const { refcount, flags } = cpu.folio;
  if (cpu.at(CACHE_REFERENCE, refcount.at(folio))) yield;
  refcount.add(folio, 1);
  if (cpu.at(JOINS_CACHE, flags.at(folio))) yield;
  flags.or(folio, PG_SWAPCACHE);
  cpu.folio.swap.store(folio, slot);
  if (cpu.at(CACHE_FILLS, swap.cache.at(CLUSTER, slot))) yield;
  swap.cache.store(CLUSTER, folio, slot);
  swap.map.store(CLUSTER, swap.map.load(CLUSTER, slot) | SWAP_HAS_CACHE, slot);
}

/**
 * Linux: __swap_cache_del_folio() and put_swap_folio(): a slot to which no entry leads is free then. Caller holds the lock of
 * the cluster and the folio lock, and drops the reference of the cache.
 */
export function* swapCacheDelFolio(cpu: Cpu, folio: Pfn): Path<void> {
  const { swap } = cpu;
  const slot = cpu.folio.swap.load(folio) as SwapSlot;
  if (cpu.at(CACHE_EMPTIES, swap.cache.at(CLUSTER, slot))) yield;
  swap.cache.store(CLUSTER, 0, slot);
  swap.map.store(CLUSTER, swap.map.load(CLUSTER, slot) & ~SWAP_HAS_CACHE, slot);
  cpu.folio.swap.store(folio, NO_SLOT);
  if (cpu.at(LEAVES_CACHE, cpu.folio.flags.at(folio))) yield;
  cpu.folio.flags.and(folio, ~PG_SWAPCACHE);
}

/**
 * Linux: __read_swap_cache_async(), without readahead: the folio of the slot with a reference, read from the device unless
 * another task does that. NO_PAGE when out of memory, or when no entry leads to the slot any more.
 */
export function* readSwapCacheAsync(cpu: Cpu, slot: SwapSlot): Path<Pfn> {
  const { kernel, swap } = cpu;
  for (;;) {
    const found: Pfn = yield* kernel.swapCacheGetFolio(cpu, slot);
    if (found !== NO_PAGE) return found;
    const folio: Pfn = yield* kernel.allocPage(cpu, OWNER_USER);
    if (folio === NO_PAGE) return NO_PAGE;
    yield* folioSetLocked(cpu, NEW_LOCKED, folio);
    yield* kernel.spinLock(cpu, swap.lock.at(CLUSTER));
    const count = swap.map.load(CLUSTER, slot);
    const free = count > 0 && (count & SWAP_HAS_CACHE) === 0;
    if (free) yield* kernel.swapCacheAddFolio(cpu, folio, slot);
    yield* kernel.spinUnlock(cpu, swap.lock.at(CLUSTER));
    if (free) {
      yield* kernel.folioAddLru(cpu, folio);
      yield* kernel.swapReadFolio(cpu, folio, slot);
    }
    yield* kernel.folioUnlock(cpu, folio);
    if (free) return folio;
    yield* kernel.folioPut(cpu, folio);
    if (count === 0) return NO_PAGE;
  }
}

/** Linux: swap_read_folio(), to the end of the I/O. Caller holds the lock of a folio that is not up to date. */
export function* swapReadFolio(cpu: Cpu, folio: Pfn, slot: SwapSlot): Path<void> {
  cpu.observer?.swapMoves(cpu, folio, slot, 'in');
  yield* cpu.kernel.submitBioRead(cpu, folio, cpu.swapDisk, slot);
  if (cpu.at(SWAP_READ, cpu.folio.flags.at(folio))) yield;
  cpu.folio.flags.or(folio, PG_UPTODATE);
}
