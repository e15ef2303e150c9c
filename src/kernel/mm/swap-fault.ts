/**
 * Linux: mm/memory.c do_swap_page(): a fault at a swap entry. The folio is found in the swap cache, or read into it, and locked;
 * then everything is checked again, because the cache, the slot and the entry may all have changed. Callers hold the VMA or
 * mmap_lock for reading; Linux may drop it while it waits for the folio and have the fault repeated, here it is kept.
 */
import { PTE_RW, pteLoad, pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteLo } from '../../hardware/types.ts';
import { combined } from '../../memory/combined.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { VM_WRITE } from '../types.ts';
import { VM_FAULT_OOM } from './fault.ts';
import type { VmFault } from './memory.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex } from './pgtable.ts';
import { PTE_SWP_EXCLUSIVE, protHi, protLo, swapSlotOf } from './pte-prot.ts';
import { PTE_DIRTIED, PTE_TRACKED, pteTracksWrites } from './pte-tracking.ts';
import { folioTestAnon, RMAP_EXCLUSIVE, RMAP_NONE } from './rmap.ts';
import { folioMatchesSwapEntry } from './swap-state.ts';

export const NO_FOLIO = point('doSwapPage: no folio, PTL taken, is the entry still there?');
export const SWAP_RECHECK = point('doSwapPage: folio locked, PTL taken, pte to be rechecked');
export const WORTH_FREEING = point('doSwapPage: store, does only the swap cache hold the folio, too?');
export const ONLY_REFERENCE = point('doSwapPage: slot given up, is ours the only reference?');
export const PAGE_SETS = point('doSwapPage: mapping counted, pte to be set');

/** 0 or a VM_FAULT_ code. `vmf.origPte` is the swap entry that was read without the PTL. */
export function* doSwapPage(cpu: Cpu, vmf: VmFault): Path<number> {
  const { kernel } = cpu;
  const slot = swapSlotOf(vmf.origPte);
  let folio: Pfn = yield* kernel.swapCacheGetFolio(cpu, slot);
  if (folio === NO_PAGE) folio = yield* kernel.readSwapCacheAsync(cpu, slot);
  if (folio === NO_PAGE) return yield* outOfMemory(cpu, vmf);
  yield* kernel.folioLock(cpu, folio);
  if (folioMatchesSwapEntry(cpu, folio, slot)) {
    const pte = yield* kernel.pteOffsetMapLock(cpu, vmf.pmd, vmf.vpn);
    if (pte !== NO_PAGE) {
      if (cpu.at(SWAP_RECHECK, pteWord(cpu, pte, leafIndex(cpu.geometry, vmf.vpn)))) yield;
      const now = pteLoad(cpu, pte, leafIndex(cpu.geometry, vmf.vpn));
      if (now === vmf.origPte) return yield* kernel.mapSwapFolio(cpu, vmf, pte, folio);
      yield* kernel.updateMmuTlb(cpu, vmf, now);
      yield* kernel.pteUnmapUnlock(cpu, pte);
    }
  }
  yield* kernel.folioUnlock(cpu, folio);
  yield* kernel.folioPut(cpu, folio);
  return 0;
}

/** Out of memory, unless somebody else has handled the fault meanwhile. */
function* outOfMemory(cpu: Cpu, vmf: VmFault): Path<number> {
  const pte = yield* cpu.kernel.pteOffsetMapLock(cpu, vmf.pmd, vmf.vpn);
  if (pte === NO_PAGE) return 0;
  const index = leafIndex(cpu.geometry, vmf.vpn);
  if (cpu.at(NO_FOLIO, pteWord(cpu, pte, index))) yield;
  const same = pteLoad(cpu, pte, index) === vmf.origPte;
  yield* cpu.kernel.pteUnmapUnlock(cpu, pte);
  return same ? VM_FAULT_OOM : 0;
}

/**
 * The second half of do_swap_page(): the slot loses an entry and the folio gets one. It may be written to at once if the
 * swap entry was exclusive, or if nobody else holds the folio now. Caller holds folio lock, PTL and a reference, which goes to
 * the entry; both locks are dropped.
 */
export function* mapSwapFolio(cpu: Cpu, vmf: VmFault, pte: Pfn, folio: Pfn): Path<number> {
  const { kernel } = cpu;
  const { vmFlags, origPte } = vmf;
  const { refcount } = cpu.folio;
  const index = leafIndex(cpu.geometry, vmf.vpn);
  yield* kernel.swapFree(cpu, swapSlotOf(origPte));
  if (vmf.write) {
    // should_try_to_free_swap(): ours and that of the swap cache
    if (cpu.at(WORTH_FREEING, refcount.at(folio))) yield;
    if (refcount.load(folio) === 2) yield* kernel.folioFreeSwap(cpu, folio);
  }
  let exclusive = (origPte & PTE_SWP_EXCLUSIVE) !== 0;
  if (!exclusive) {
    if (cpu.at(ONLY_REFERENCE, refcount.at(folio))) yield;
    exclusive = refcount.load(folio) === 1;
  }
  let entry = ((folio << 12) | protLo(vmFlags) | (origPte & PTE_TRACKED)) as PteLo;
  const writable = exclusive && (vmFlags & VM_WRITE) !== 0 && !pteTracksWrites(entry, vmFlags);
  if (writable) entry = (entry | PTE_RW | (vmf.write ? PTE_DIRTIED : 0)) as PteLo;
  const rmapFlags = exclusive ? RMAP_EXCLUSIVE : RMAP_NONE;
  if (folioTestAnon(cpu, folio)) yield* kernel.folioAddAnonRmapPte(cpu, folio, rmapFlags);
  else yield* kernel.folioAddNewAnonRmap(cpu, folio, vmf, rmapFlags);
  if (cpu.at(PAGE_SETS, pteWord(cpu, pte, index))) yield;
  pteStore(cpu, pte, index, entry, protHi(vmFlags));
  yield* kernel.folioUnlock(cpu, folio);
  if (vmf.write && !writable) return yield* kernel.doWpPage(cpu, combined(vmf, { origPte: entry }), pte);
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return 0;
}
