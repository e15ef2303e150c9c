/**
 * Linux: mm/pt_reclaim.c (6.14): MADV_DONTNEED frees the page tables that it emptied. The zapped range covers the whole
 * table, so that only one VMA, held by the caller, maps through it.
 */
import { pteIndex } from '../../hardware/geometry.ts';
import { pteLoad, ptePfn, ptePresent, pteWord } from '../../hardware/pte.ts';
import type { Pfn, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { MmuGather } from './mmu-gather.ts';
import { clearTableEntry, pmdLevel } from './pgtable.ts';
import { pteNone } from './pte-prot.ts';

export const TABLE_EMPTY = point('ptReclaim: table emptied in one go, pmd entry to be cleared');
export const PMD_LOCKED = point('ptReclaim: pmd lock taken, is the table still there?');
export const PTE_RECHECK = point('ptReclaim: table locked, is the next pte still none?');
export const TABLE_FOUND_EMPTY = point('ptReclaim: table found empty, pmd entry to be cleared');

/** Linux: try_get_and_clear_pmd(). Caller holds the PTL and found every entry none; gives up if the pmd lock is taken. */
export function* tryGetAndClearPmd(cpu: Cpu, pmd: Pfn, pte: Pfn, vpn: Vpn): Path<boolean> {
  const lock = cpu.folio.ptl.at(pmd);
  if (!(yield* cpu.kernel.spinTrylock(cpu, lock))) return false;
  const index = pteIndex(cpu.geometry, vpn, pmdLevel(cpu.geometry));
  if (cpu.at(TABLE_EMPTY, pteWord(cpu, pmd, index))) yield;
  clearTableEntry(cpu, pmd, index, pte);
  yield* cpu.kernel.spinUnlock(cpu, lock);
  return true;
}

/** Linux: try_to_free_pte(): the PTL was dropped in between, so every entry is looked at again under both locks. */
export function* tryToFreePte(cpu: Cpu, tlb: MmuGather, pmd: Pfn, vpn: Vpn): Path<void> {
  const g = cpu.geometry;
  const level = pmdLevel(g);
  const index = pteIndex(g, vpn, level);
  const word = pteWord(cpu, pmd, index);
  const pmdLock = cpu.folio.ptl.at(pmd);
  yield* cpu.kernel.spinLock(cpu, pmdLock);
  if (cpu.at(PMD_LOCKED, word)) yield;
  const entry = pteLoad(cpu, pmd, index);
  if (!ptePresent(entry)) {
    yield* cpu.kernel.spinUnlock(cpu, pmdLock);
    return;
  }
  const pte = ptePfn(entry);
  const ptl = cpu.folio.ptl.at(pte);
  yield* cpu.kernel.spinLock(cpu, ptl);
  let empty = true;
  for (let i = 0; i < 1 << g.levelBits[level + 1] && empty; i++) {
    if (cpu.at(PTE_RECHECK, pteWord(cpu, pte, i))) yield;
    empty = pteNone(pteLoad(cpu, pte, i));
  }
  if (empty) {
    if (cpu.at(TABLE_FOUND_EMPTY, word)) yield;
    clearTableEntry(cpu, pmd, index, pte);
  }
  yield* cpu.kernel.spinUnlock(cpu, ptl);
  yield* cpu.kernel.spinUnlock(cpu, pmdLock);
  if (empty) yield* cpu.kernel.tlbRemoveTable(cpu, tlb, pte, vpn);
}
