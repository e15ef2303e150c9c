/**
 * Linux: MADV_FREE of anonymous memory, mm/madvise.c madvise_free_pte_range(), mm/swap.c lru_lazyfree(), and the branches of
 * reclaim for it. What the pages hold may be thrown away from now on: their entries become clean, and reclaim that finds the
 * page still clean discards it, without swap. The next store sets D again, and with it keeps the page.
 */
import { PTE_A, PTE_D, PTE_NONE, pteExchange, pteLoad, pteLoadHigh, pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteHi, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { NO_SLOT } from '../types.ts';
import { PG_ANON, PG_DIRTY, PG_LAZYFREE, PG_LRU, PG_SWAPCACHE } from './folio.ts';
import type { RmapPlace } from './i-mmap.ts';
import type { MmuGather } from './mmu-gather.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex } from './pgtable.ts';
import { pteMapped, pteNone, swapSlotOf, vmNormalPage } from './pte-prot.ts';

export const PTE_NEXT = point('madviseFreePte: next pte to be read');
export const SLOT_GOES = point('madviseFreePte: slot given up, swap entry to be cleared');
export const MARKS_CHECK = point('madviseFreePte: present pte found, is the folio dirty or in the swap cache?');
export const ONE_MAPPING = point('madviseFreePte: folio locked, is ours the only mapping?');
export const BECOMES_CLEAN = point('madviseFreePte: only mapping, dirty mark to be cleared');
export const PTE_FOUND = point('madviseFreePte: young or dirty pte to be taken away');
export const PTE_CLEAN = point('madviseFreePte: pte taken away, old and clean one to be set');
export const OFF_LIST = point('folioMarkLazyfree: folio to be taken off the list');
export const ON_LIST = point('folioMarkLazyfree: to be put on the list again');
export const LAZY_CHECK = point('tryToUnmapOne: anonymous entry cleared, is the folio to be discarded?');
export const REFERENCES = point('discardLazyfree: entry cleared, who holds the folio?');
export const MAPPINGS = point('discardLazyfree: references read, how many of them are mappings?');
export const STILL_CLEAN = point('discardLazyfree: nobody else holds it, is it still clean?');
export const HIGH_HALF = point('discardLazyfree: to be kept, high half of the entry to be read');
export const COMES_BACK = point('discardLazyfree: entry to be set again');
export const KEEPS = point('discardLazyfree: entry set, written to: no longer to be discarded');
export const FREEZES = point('removeLazyfree: reference to be frozen');

/** One entry. Caller holds the PTL. */
export function* madviseFreePte(cpu: Cpu, tlb: MmuGather, pte: Pfn, vpn: Vpn): Path<void> {
  const { kernel } = cpu;
  const index = leafIndex(cpu.geometry, vpn);
  const word = pteWord(cpu, pte, index);
  if (cpu.at(PTE_NEXT, word)) yield;
  const seen = pteLoad(cpu, pte, index);
  if (pteNone(seen)) return;
  const hi = pteLoadHigh(cpu, pte, index);
  const slot = swapSlotOf(seen);
  if (slot !== NO_SLOT) {
    yield* kernel.freeSwapAndCache(cpu, slot);
    if (cpu.at(SLOT_GOES, word)) yield;
    pteStore(cpu, pte, index, PTE_NONE, 0 as PteHi);
  }
  const page = pteMapped(seen) ? vmNormalPage(seen) : NO_PAGE;
  if (page === NO_PAGE || !(yield* becomesClean(cpu, page))) return;
  if ((seen & (PTE_A | PTE_D)) !== 0) {
    if (cpu.at(PTE_FOUND, word)) yield;
    const old = pteExchange(cpu, pte, index, PTE_NONE);
    if (cpu.at(PTE_CLEAN, word)) yield;
    pteStore(cpu, pte, index, (old & ~(PTE_A | PTE_D)) as PteLo, hi);
    yield* kernel.tlbRemoveTlbEntry(cpu, tlb, vpn);
  }
  yield* kernel.folioMarkLazyfree(cpu, page);
}

/** The folio has no copy on the swap device and need not be written there. False if somebody is busy with it or maps it, too. */
function* becomesClean(cpu: Cpu, page: Pfn): Path<boolean> {
  const { kernel, folio } = cpu;
  if (cpu.at(MARKS_CHECK, folio.flags.at(page))) yield;
  const flags = folio.flags.load(page);
  if ((flags & (PG_DIRTY | PG_SWAPCACHE)) === 0) return true;
  if (!(yield* kernel.folioTrylock(cpu, page))) return false;
  let clean = yield* kernel.isOnlyMapping(cpu, page);
  if (clean && (flags & PG_SWAPCACHE) !== 0) clean = yield* kernel.folioFreeSwap(cpu, page);
  if (clean) {
    if (cpu.at(BECOMES_CLEAN, folio.flags.at(page))) yield;
    folio.flags.and(page, ~PG_DIRTY);
  }
  yield* kernel.folioUnlock(cpu, page);
  return clean;
}

/** Linux: folio_mapcount() is 1: who else maps it would lose what is given up here. Caller holds the folio lock. */
export function* isOnlyMapping(cpu: Cpu, page: Pfn): Path<boolean> {
  const { mapcount } = cpu.folio;
  if (cpu.at(ONE_MAPPING, mapcount.at(page))) yield;
  return mapcount.load(page) === 1;
}

/**
 * Linux: folio_mark_lazyfree() and lru_lazyfree(): swapbacked no more; not while somebody has it isolated, or the swap cache
 * holds it.
 */
export function* folioMarkLazyfree(cpu: Cpu, page: Pfn): Path<void> {
  const { flags } = cpu.folio;
  if (cpu.at(OFF_LIST, flags.at(page))) yield;
  const was = flags.and(page, ~PG_LRU);
  if ((was & PG_LRU) === 0) return;
  const lazy = (was & (PG_ANON | PG_SWAPCACHE)) === PG_ANON ? PG_LAZYFREE : 0;
  if (cpu.at(ON_LIST, flags.at(page))) yield;
  flags.or(page, PG_LRU | lazy);
}

/** Linux: !folio_test_swapbacked(). Caller holds the folio lock. */
export function* isLazyfree(cpu: Cpu, folio: Pfn): Path<boolean> {
  if (cpu.at(LAZY_CHECK, cpu.folio.flags.at(folio))) yield;
  return (cpu.folio.flags.load(folio) & PG_LAZYFREE) !== 0;
}

/**
 * Linux: the branch of try_to_unmap_one() for a folio that is not swapbacked: true if the entry, which was `old` when it was
 * cleared, may stay cleared. References are read before the dirty mark: whoever took one and wrote has left it. Caller holds
 * the folio lock and the PTL.
 */
export function* discardLazyfree(cpu: Cpu, folio: Pfn, place: RmapPlace, pte: Pfn, old: PteLo): Path<boolean> {
  const { refcount, mapcount, flags } = cpu.folio;
  if (cpu.at(REFERENCES, refcount.at(folio))) yield;
  const references = refcount.load(folio);
  if (cpu.at(MAPPINGS, mapcount.at(folio))) yield;
  const mappings = mapcount.load(folio);
  if (cpu.at(STILL_CLEAN, flags.at(folio))) yield;
  const dirty = (flags.load(folio) & PG_DIRTY) !== 0;
  if (!dirty && references === 1 + mappings) return true;
  const index = leafIndex(cpu.geometry, place.start as Vpn);
  if (cpu.at(HIGH_HALF, pteWord(cpu, pte, index))) yield;
  const hi = pteLoadHigh(cpu, pte, index);
  if (cpu.at(COMES_BACK, pteWord(cpu, pte, index))) yield;
  pteStore(cpu, pte, index, old, hi);
  if (dirty) {
    if (cpu.at(KEEPS, flags.at(folio))) yield;
    flags.and(folio, ~PG_LAZYFREE);
  }
  return false;
}

/**
 * Linux: where shrink_folio_list() frees a folio that is not swapbacked: nobody but the caller holds it. It is unmapped, clean
 * and locked.
 */
export function* removeLazyfree(cpu: Cpu, folio: Pfn): Path<boolean> {
  if (!(yield* cpu.kernel.isLazyfree(cpu, folio))) return false;
  if (cpu.at(FREEZES, cpu.folio.refcount.at(folio))) yield;
  return cpu.folio.refcount.cas(folio, 1, 0) === 1;
}
