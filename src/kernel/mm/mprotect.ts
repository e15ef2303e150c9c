/** Linux: mm/mprotect.c: VMAs marked and changed under mmap_lock for writing, PTEs rewritten, one flush at the end. */
import { PTE_D, PTE_NONE, PTE_RW, pteExchange, pteLoad, pteLoadHigh, pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteHi, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { mayMap } from '../fs/inode.ts';
import {
  EACCES,
  EINVAL,
  ENOMEM,
  type FileId,
  MM_CP_PROT_NUMA,
  type MmId,
  NO_SLOT,
  VM_EXEC,
  VM_READ,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_WRITE,
  type VmaId,
} from '../types.ts';
import { PG_ANON_EXCLUSIVE } from './folio.ts';
import type { MmuGather } from './mmu-gather.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex, pmdAddrEnd, tableWalk } from './pgtable.ts';
import { migrationPfn, protHi, pteMapped, pteModify, pteNeedsFlush, swapSlotOf, vmNormalPage } from './pte-prot.ts';
import { pteChangeUffdWp, pteTracksWrites } from './pte-tracking.ts';
import { findVma, NO_VMA, vmaEnd, vmaFlags, vmaStart, vmaStoreFlags, vmaTreeEdit } from './vma-tree.ts';

export const PTE_NEXT = point('changePte: next pte to be read');
export const PTE_FOUND = point('changePte: present pte found');
export const ON_THE_MOVE = point('changePte: writable migration entry found');
export const SWAPPED_OUT = point('changePte: swap entry found, its write protection to be changed');
export const PTE_TAKEN = point('changePte: pte taken away, is the page exclusive?');
export const PTE_REWRITTEN = point('changePte: pte taken away, new one to be set');

const ACCESS = VM_READ | VM_WRITE | VM_EXEC;
/** Linux: PAGE_NONE. */
const NO_RIGHTS = 0;

/** Linux: do_mprotect_pkey(). `vmFlags` holds the new VM_READ, VM_WRITE, VM_EXEC. 0 or a negative errno; -ENOMEM at a hole. */
export function* doMprotect(cpu: Cpu, mm: MmId, start: Vpn, pages: number, vmFlags: number): Path<number> {
  const end = start + pages;
  if (pages < 0) return EINVAL;
  if (pages === 0) return 0;
  if (end > cpu.geometry.pages) return ENOMEM;
  yield* cpu.kernel.mmapWriteLock(cpu, mm);
  let error = 0;
  const first = findVma(cpu, mm, start);
  if (first === NO_VMA || vmaStart(cpu, first) > start) error = ENOMEM;
  else {
    const tlb = yield* cpu.kernel.tlbGatherMmu(cpu, mm);
    for (let at: number = start; at < end && error === 0; ) {
      const vma = findVma(cpu, mm, at);
      if (vma === NO_VMA || vmaStart(cpu, vma) > at) error = ENOMEM;
      else {
        const next = Math.min(end, vmaEnd(cpu, vma));
        const flags = (vmaFlags(cpu, vma) & ~ACCESS) | (vmFlags & ACCESS);
        if (!mayMap(cpu, cpu.vma.object.load(vma) as FileId, flags)) error = EACCES;
        else error = yield* cpu.kernel.mprotectFixup(cpu, tlb, vma, at, next, vmFlags & ACCESS);
        at = next;
      }
    }
    yield* cpu.kernel.tlbFinishMmu(cpu, tlb);
  }
  yield* cpu.kernel.mmapWriteUnlock(cpu, mm);
  return error;
}

/** Linux: mprotect_fixup(): [start, end) of `vma` gets new flags. Caller holds mmap_lock for writing. */
export function* mprotectFixup(
  cpu: Cpu,
  tlb: MmuGather,
  vma: VmaId,
  start: number,
  end: number,
  access: number,
): Path<number> {
  const { mm } = tlb;
  const flags = (vmaFlags(cpu, vma) & ~ACCESS) | access;
  if (flags === vmaFlags(cpu, vma)) return 0;
  const changed = yield* cpu.kernel.vmaModify(cpu, mm, vma, start, end, flags);
  if (changed < 0) return changed;
  const target = changed as VmaId;
  const kept = flags | (vmaFlags(cpu, target) & VM_SOFTDIRTY);
  yield* cpu.kernel.vmaStartWrite(cpu, mm, target);
  if (vmaFlags(cpu, target) !== kept) {
    yield* vmaTreeEdit(cpu, mm, () => vmaStoreFlags(cpu, target, kept));
  }
  yield* cpu.kernel.changeProtection(cpu, tlb, start, end, kept, 0);
  // the end of change_protection_range()
  yield* cpu.kernel.tlbEndVma(cpu, tlb, target);
  return 0;
}

/**
 * Linux: change_protection() to change_pmd_range(). `vmFlags` are those of the mapping, or the new ones; caller holds
 * mmap_lock.
 */
export function* changeProtection(
  cpu: Cpu,
  tlb: MmuGather,
  start: number,
  end: number,
  vmFlags: number,
  cpFlags: number,
): Path<void> {
  const walk = tableWalk(cpu, tlb.mm);
  for (let at = start; at < end; ) {
    const pmd = yield* cpu.kernel.walkToPmd(cpu, walk, at as Vpn);
    if (pmd === NO_PAGE) {
      at = walk.holeEnd;
      continue;
    }
    const next = pmdAddrEnd(cpu.geometry, at, end);
    yield* cpu.kernel.changePteRange(cpu, tlb, pmd, at, next, vmFlags, cpFlags);
    at = next;
  }
}

/** Linux: change_pte_range(): one pte table, in stretches of `pteWalkLimit` entries per hold of the PTL. */
export function* changePteRange(
  cpu: Cpu,
  tlb: MmuGather,
  pmd: Pfn,
  start: number,
  end: number,
  vmFlags: number,
  cpFlags: number,
): Path<void> {
  for (let at = start; at < end; ) {
    const pte = yield* cpu.kernel.pteOffsetMapLock(cpu, pmd, at as Vpn);
    if (pte === NO_PAGE) return;
    yield* cpu.kernel.flushTlbBatchedPending(cpu, tlb.mm);
    const stop = Math.min(end, at + cpu.geometry.pteWalkLimit);
    for (; at < stop; at++) yield* cpu.kernel.changePte(cpu, tlb, pte, at as Vpn, vmFlags, cpFlags);
    yield* cpu.kernel.pteUnmapUnlock(cpu, pte);
  }
}

/**
 * Linux: the loop body of change_pte_range(): ptep_modify_prot_start() takes the entry away, so that hardware cannot set A
 * or D in between, ptep_modify_prot_commit() sets the new one. Caller holds the PTL.
 */
export function* changePte(cpu: Cpu, tlb: MmuGather, pte: Pfn, vpn: Vpn, vmFlags: number, cpFlags: number): Path<void> {
  const index = leafIndex(cpu.geometry, vpn);
  const word = pteWord(cpu, pte, index);
  const numa = (cpFlags & MM_CP_PROT_NUMA) !== 0;
  if (cpu.at(PTE_NEXT, word)) yield;
  const seen = pteLoad(cpu, pte, index);
  if (!pteMapped(seen)) {
    const moves = migrationPfn(seen) !== NO_PAGE;
    if (numa || (!moves && swapSlotOf(seen) === NO_SLOT)) return;
    // the folio comes back without the right to write, whatever the VMA says: a fault finds out; exclusive it stays
    const entry = pteChangeUffdWp(seen & ~PTE_RW, cpFlags);
    if (entry === seen) return;
    if (cpu.at(moves ? ON_THE_MOVE : SWAPPED_OUT, word)) yield;
    pteStore(cpu, pte, index, entry, 0 as PteHi);
    return;
  }
  const oldHi = pteLoadHigh(cpu, pte, index);
  if (numa && (yield* cpu.kernel.protNumaSkip(cpu, seen, vmFlags))) return;
  if (cpu.at(PTE_FOUND, word)) yield;
  const old = pteExchange(cpu, pte, index, PTE_NONE);
  const rights = numa ? NO_RIGHTS : vmFlags;
  let entry = pteChangeUffdWp(pteModify(old, rights), cpFlags);
  if ((rights & VM_WRITE) !== 0) entry = yield* cpu.kernel.canChangePteWritable(cpu, old, entry, vmFlags);
  const hi = protHi(rights);
  if (cpu.at(PTE_REWRITTEN, word)) yield;
  pteStore(cpu, pte, index, entry, hi);
  if (pteNeedsFlush(old, oldHi, entry, hi)) yield* cpu.kernel.tlbFlushPteRange(cpu, tlb, vpn, 1);
}

/**
 * Linux: can_change_pte_writable(): a private page that no fork shares needs no fault to become writable, nor does a page of
 * a shared mapping that was written already: the file system knows. Not where the next store is to be noticed.
 */
export function* canChangePteWritable(cpu: Cpu, old: PteLo, entry: PteLo, vmFlags: number): Path<PteLo> {
  const page = vmNormalPage(old);
  if (page === NO_PAGE || pteTracksWrites(entry, vmFlags)) return entry;
  if ((vmFlags & VM_SHARED) !== 0) return ((old & PTE_D) !== 0 ? entry | PTE_RW : entry) as PteLo;
  if (cpu.at(PTE_TAKEN, cpu.folio.flags.at(page))) yield;
  const exclusive = (cpu.folio.flags.load(page) & PG_ANON_EXCLUSIVE) !== 0;
  return (exclusive ? entry | PTE_RW : entry) as PteLo;
}
