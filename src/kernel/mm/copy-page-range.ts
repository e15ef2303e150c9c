/** Linux: mm/memory.c copy_page_range() to copy_present_ptes(): fork shares private pages read-only. */
import { PTE_A, PTE_RW, pteCas, pteLoad, pteLoadHigh, pteStore, pteWord, pteWrite } from '../../hardware/pte.ts';
import type { Pfn, PteHi, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { ENOMEM, type MmId, NO_SLOT } from '../types.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex, pmdAddrEnd, pmdLevel, tableWalk } from './pgtable.ts';
import { migrationPfn, PTE_SPECIAL, PTE_SWP_EXCLUSIVE, pteNone, swapSlotOf, vmNormalPage } from './pte-prot.ts';
import { PTE_UFFD_WP } from './pte-tracking.ts';

export const PARENT_NEXT = point('copyPte: next pte of the parent to be read');
export const WRITABLE = point('ptepSetWrprotect: writable pte of the parent to become read-only');
export const MOVES = point('copyPte: exclusive migration or swap entry of the parent found');
export const CHILD_MOVES = point('copyPte: migration or swap entry of the child to be set');
export const CHILD_SETS = point('copyPte: parent read-only and counted, pte of the child to be set');

/** Copies the entries of [start, end). Caller holds both mmap_locks for writing, the parent's VMA marked. 0 or -ENOMEM. */
export function* copyPageRange(cpu: Cpu, child: MmId, parent: MmId, start: number, end: number): Path<number> {
  const { kernel, geometry } = cpu;
  const from = tableWalk(cpu, parent);
  const to = tableWalk(cpu, child);
  for (let at = start; at < end; ) {
    const pmd = yield* kernel.walkToPmd(cpu, from, at as Vpn);
    if (pmd === NO_PAGE) {
      at = from.holeEnd;
      continue;
    }
    const next = pmdAddrEnd(geometry, at, end);
    // no table, nothing to copy (Linux: pmd_none_or_clear_bad())
    const pte = yield* kernel.pteOffsetMap(cpu, pmd, at as Vpn);
    if (pte !== NO_PAGE) {
      yield* kernel.pteUnmap(cpu);
      const childPmd = yield* kernel.walkToPmdAlloc(cpu, to, at as Vpn);
      if (childPmd === NO_PAGE) return ENOMEM;
      if (!(yield* kernel.pteAlloc(cpu, child, childPmd, pmdLevel(geometry), at as Vpn))) return ENOMEM;
      yield* kernel.copyPteRange(cpu, childPmd, pmd, at, next);
    }
    at = next;
  }
  return 0;
}

/** Linux: copy_pte_range(): one pte table, child's PTL outside, parent's inside, both dropped every `pteWalkLimit` entries. */
export function* copyPteRange(cpu: Cpu, childPmd: Pfn, parentPmd: Pfn, start: number, end: number): Path<void> {
  const { kernel, geometry } = cpu;
  for (let at = start; at < end; ) {
    const to = yield* kernel.pteOffsetMapLock(cpu, childPmd, at as Vpn);
    if (to === NO_PAGE) cpu.bug(`table of page 0x${at.toString(16)} of a child being forked is gone`);
    const from = yield* kernel.pteOffsetMap(cpu, parentPmd, at as Vpn);
    if (from === NO_PAGE) {
      yield* kernel.pteUnmapUnlock(cpu, to);
      return;
    }
    const ptl = cpu.folio.ptl.at(from);
    yield* kernel.spinLock(cpu, ptl);
    const stop = Math.min(end, at + geometry.pteWalkLimit);
    for (; at < stop; at++) yield* kernel.copyPte(cpu, to, from, at as Vpn);
    yield* kernel.spinUnlock(cpu, ptl);
    yield* kernel.pteUnmap(cpu);
    yield* kernel.pteUnmapUnlock(cpu, to);
  }
}

/**
 * Linux: copy_present_ptes() and copy_nonpresent_pte(), one entry. Caller holds both PTLs. The child is not registered with the
 * userfaultfd (no UFFD_FEATURE_EVENT_FORK); what is soft-dirty is so in both.
 */
export function* copyPte(cpu: Cpu, to: Pfn, from: Pfn, vpn: Vpn): Path<void> {
  const { kernel } = cpu;
  const index = leafIndex(cpu.geometry, vpn);
  const word = pteWord(cpu, from, index);
  if (cpu.at(PARENT_NEXT, word)) yield;
  let entry = pteLoad(cpu, from, index);
  if (pteNone(entry)) return;
  const slot = swapSlotOf(entry);
  if (slot !== NO_SLOT || migrationPfn(entry) !== NO_PAGE) {
    // copy_nonpresent_pte(): what only the parent had, both have now, and neither may write to it
    if (slot !== NO_SLOT) yield* kernel.swapDuplicate(cpu, slot);
    if ((entry & (PTE_RW | PTE_SWP_EXCLUSIVE)) !== 0) {
      if (cpu.at(MOVES, word)) yield;
      entry = (entry & ~(PTE_RW | PTE_SWP_EXCLUSIVE)) as PteLo;
      pteStore(cpu, from, index, entry, 0 as PteHi);
    }
    if (cpu.at(CHILD_MOVES, pteWord(cpu, to, index))) yield;
    pteStore(cpu, to, index, (entry & ~PTE_UFFD_WP) as PteLo, 0 as PteHi);
    return;
  }
  const hi = pteLoadHigh(cpu, from, index);
  const page = vmNormalPage(entry);
  if (page !== NO_PAGE) {
    yield* kernel.folioGet(cpu, page);
    yield* kernel.folioTryDupAnonRmap(cpu, page);
  }
  // of special entries only the raw ones of shared mappings are writable: is_cow_mapping() is false
  const raw = (entry & PTE_SPECIAL) !== 0;
  if (pteWrite(entry) && !raw) entry = yield* kernel.ptepSetWrprotect(cpu, from, index, entry);
  if (cpu.at(CHILD_SETS, pteWord(cpu, to, index))) yield;
  pteStore(cpu, to, index, (entry & ~((raw ? 0 : PTE_RW) | PTE_A | PTE_UFFD_WP)) as PteLo, hi);
}

/** Linux: ptep_set_wrprotect(): hardware may set A and D meanwhile, so by compare and exchange. Returns the new entry. */
export function* ptepSetWrprotect(cpu: Cpu, pte: Pfn, index: number, seen: PteLo): Path<PteLo> {
  let old = seen;
  for (;;) {
    if (cpu.at(WRITABLE, pteWord(cpu, pte, index))) yield;
    const entry = (old & ~PTE_RW) as PteLo;
    const found = pteCas(cpu, pte, index, old, entry);
    if (found === old) return entry;
    old = found;
  }
}
