/**
 * Linux: mm/rmap.c try_to_unmap() and folio_mkclean(). Unmaps of reclaim may be batched: the entry is cleared under the PTL,
 * who owes a flush is recorded, and the flush comes before the folio is freed or written out.
 */
import { PTE_D, PTE_NONE, PTE_RW, pteExchange, pteLoad, pteLoadHigh, pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteHi, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { cpumaskRead } from '../cpumask.ts';
import { type MmId, NO_SLOT, type SwapSlot } from '../types.ts';
import type { RmapPlace } from './i-mmap.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex } from './pgtable.ts';
import { mkSwap, PTE_SWP_EXCLUSIVE } from './pte-prot.ts';
import { PTE_TRACKED } from './pte-tracking.ts';
import { folioTestAnon } from './rmap.ts';

/** The flush may be postponed to the task's batch. */
export const TTU_BATCH_FLUSH = 1;

export const UNHOOKS = point('tryToUnmapOne: entry found, to be cleared, flush to be batched');
export const UNMAPPED = point('tryToUnmapOne: entry cleared, mapping to be uncounted');
export const SWAP_SETS = point('tryToUnmapOne: entry cleared, slot counted, swap entry to be set');
export const REMOTE_USERS = point('shouldDeferFlush: does another CPU use the mm?');
export const WRITABLE_CHECK = point('pageMkcleanOne: entry found, is it writable or dirty?');
export const CLEANED = point('pageMkcleanOne: entry cleared and flushed, read-only and clean one to be set');

/** Linux: try_to_unmap(). Caller holds the folio lock. It may stay mapped: an entry that moves is missed. */
export function* tryToUnmap(cpu: Cpu, folio: Pfn, flags: number): Path<void> {
  yield* cpu.kernel.rmapWalk(cpu, folio, (c, f, place) => c.kernel.tryToUnmapOne(c, f, place, flags));
}

/**
 * Linux: try_to_unmap_one(): the entry goes, its dirty bit goes to the folio; of an anonymous folio a swap entry stays, unless
 * it is discarded.
 */
export function* tryToUnmapOne(cpu: Cpu, folio: Pfn, place: RmapPlace, flags: number): Path<boolean> {
  const { kernel } = cpu;
  const pte = yield* kernel.pageVmaMappedWalk(cpu, folio, place, false);
  if (pte === NO_PAGE) return true;
  const exclusive = yield* kernel.pageAnonExclusive(cpu, folio);
  const old = yield* kernel.ptepUnhook(cpu, place, pte, flags);
  if ((old & PTE_D) !== 0) yield* kernel.folioMarkDirty(cpu, folio);
  if (folioTestAnon(cpu, folio)) {
    if (yield* kernel.isLazyfree(cpu, folio)) {
      if (!(yield* kernel.discardLazyfree(cpu, folio, place, pte, old))) {
        yield* kernel.pteUnmapUnlock(cpu, pte);
        return false;
      }
    } else yield* kernel.setSwapPte(cpu, folio, place, pte, (exclusive ? PTE_SWP_EXCLUSIVE : 0) | (old & PTE_TRACKED));
  }
  yield* kernel.folioRemoveRmapPte(cpu, folio, UNMAPPED);
  yield* kernel.folioPut(cpu, folio);
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return true;
}

/**
 * Linux: the branch of try_to_unmap_one() for an anonymous folio in the swap cache. The entry that leads to its slot is counted
 * before it exists. Caller holds the folio lock and the PTL under which the entry was cleared.
 */
export function* setSwapPte(cpu: Cpu, folio: Pfn, place: RmapPlace, pte: Pfn, bits: number): Path<void> {
  const { kernel } = cpu;
  const slot = cpu.folio.swap.load(folio) as SwapSlot;
  if (slot === NO_SLOT) cpu.bug(`anonymous folio 0x${folio.toString(16)} unmapped, but not in the swap cache`);
  yield* kernel.swapDuplicate(cpu, slot);
  if ((bits & PTE_SWP_EXCLUSIVE) !== 0) yield* kernel.folioTryShareAnonRmapPte(cpu, folio);
  const index = leafIndex(cpu.geometry, place.start as Vpn);
  if (cpu.at(SWAP_SETS, pteWord(cpu, pte, index))) yield;
  pteStore(cpu, pte, index, mkSwap(slot, bits), 0 as PteHi);
}

/**
 * Linux: the part that try_to_unmap_one() and try_to_migrate_one() share: clears an entry, flushed now or in the batch. Caller
 * holds the PTL.
 */
export function* ptepUnhook(cpu: Cpu, place: RmapPlace, pte: Pfn, flags: number): Path<PteLo> {
  const { kernel } = cpu;
  const { mm, vma, start } = place;
  const vpn = start as Vpn;
  if (!(yield* kernel.shouldDeferFlush(cpu, mm, flags)))
    return yield* kernel.ptepClearFlush(cpu, { mm, vma, vpn }, pte);
  const index = leafIndex(cpu.geometry, vpn);
  if (cpu.at(UNHOOKS, pteWord(cpu, pte, index))) yield;
  const old = pteExchange(cpu, pte, index, PTE_NONE);
  yield* kernel.setTlbUbcFlushPending(cpu, mm, old);
  return old;
}

/** Linux: should_defer_flush() and arch_tlbbatch_should_defer(): worth it only if another CPU has to be told. */
export function* shouldDeferFlush(cpu: Cpu, mm: MmId, flags: number): Path<boolean> {
  if ((flags & TTU_BATCH_FLUSH) === 0) return false;
  const users = yield* cpumaskRead(cpu, REMOTE_USERS, cpu.mm.cpumask, mm);
  return users.some((id) => id !== cpu.id);
}

/** Linux: folio_mkclean(): every shared mapping becomes read-only and clean; whether one was dirty. Caller holds the folio lock. */
export function* folioMkclean(cpu: Cpu, folio: Pfn): Path<boolean> {
  if (!(yield* cpu.kernel.folioMapped(cpu, folio))) return false;
  let dirty = false;
  yield* cpu.kernel.rmapWalkFile(cpu, folio, function* (c, f, place) {
    if (yield* c.kernel.pageMkcleanOne(c, f, place)) dirty = true;
    return true;
  });
  return dirty;
}

/** Linux: page_vma_mkclean_one(), one entry: cleared and flushed, then set without RW and D, all under the PTL. */
export function* pageMkcleanOne(cpu: Cpu, folio: Pfn, place: RmapPlace): Path<boolean> {
  const { kernel } = cpu;
  const pte = yield* kernel.pageVmaMappedWalk(cpu, folio, place, false);
  if (pte === NO_PAGE) return false;
  const vpn = place.start as Vpn;
  const index = leafIndex(cpu.geometry, vpn);
  const word = pteWord(cpu, pte, index);
  if (cpu.at(WRITABLE_CHECK, word)) yield;
  const hi = pteLoadHigh(cpu, pte, index);
  const seen = pteLoad(cpu, pte, index);
  const cleaned = (seen & (PTE_RW | PTE_D)) !== 0;
  if (cleaned) {
    const old = yield* kernel.ptepClearFlush(cpu, { mm: place.mm, vma: place.vma, vpn }, pte);
    if (cpu.at(CLEANED, word)) yield;
    pteStore(cpu, pte, index, (old & ~(PTE_RW | PTE_D)) as PteLo, hi);
  }
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return cleaned;
}
