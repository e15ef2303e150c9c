/**
 * Linux: fs/proc/task_mmu.c clear_refs_write() with CLEAR_REFS_SOFT_DIRTY: from now on it is to be seen which pages are written to. Every
 * entry loses the soft-dirty mark, and with it the right to write, so that the next store faults and sets it again.
 */
import { PTE_NONE, PTE_RW, pteExchange, pteLoad, pteLoadHigh, pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteHi, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import { leafIndex, pmdAddrEnd, tableWalk } from '../mm/pgtable.ts';
import { pteMapped } from '../mm/pte-prot.ts';
import { PTE_SOFT_DIRTY } from '../mm/pte-tracking.ts';
import { vmaFlags, vmaRange, vmaStoreFlags, vmasIn, vmaTreeEdit } from '../mm/vma-tree.ts';
import { ESRCH, INIT_MM, type MmId, VM_SOFTDIRTY, type VmaId } from '../types.ts';

export const PTE_NEXT = point('clearSoftDirty: next pte to be read');
export const PTE_FOUND = point('clearSoftDirty: soft-dirty pte found, to be taken away');
export const PTE_PROTECTED = point('clearSoftDirty: pte taken away, read-only one to be set');
export const NOT_PRESENT = point('clearSoftDirty: swap or migration entry found, its mark to be cleared');

/**
 * Linux: clear_refs_write(). mmap_lock is held for writing until after the flush: a fault that sets the mark again, or copies the page,
 * comes behind it. The VMAs lose their mark first, and with it what lets entries be writable before a store
 * (vma_set_page_prot()), then the flush becomes pending, then come the entries. 0, or a negative errno of a task without
 * memory.
 */
export function* clearRefsWrite(cpu: Cpu): Path<number> {
  const { kernel } = cpu;
  const mm = cpu.tasks.mm.load(cpu.current) as MmId;
  if (mm === INIT_MM) return ESRCH;
  yield* kernel.mmapWriteLock(cpu, mm);
  yield* kernel.clearVmSoftdirty(cpu, mm);
  yield* kernel.clearRefsMm(cpu, mm);
  yield* kernel.mmapWriteUnlock(cpu, mm);
  return 0;
}

/** The first loop of clear_refs_write(). Caller holds mmap_lock for writing. */
export function* clearVmSoftdirty(cpu: Cpu, mm: MmId): Path<void> {
  for (const vma of vmasIn(cpu, mm, 0, cpu.geometry.pages)) {
    const flags = vmaFlags(cpu, vma);
    if ((flags & VM_SOFTDIRTY) === 0) continue;
    yield* cpu.kernel.vmaStartWrite(cpu, mm, vma);
    yield* vmaTreeEdit(cpu, mm, () => vmaStoreFlags(cpu, vma, flags & ~VM_SOFTDIRTY));
  }
}

/** The rest of clear_refs_write(): nothing is gathered, so nothing but flush_tlb_mm() would flush (commit 912efa17e512). */
export function* clearRefsMm(cpu: Cpu, mm: MmId): Path<void> {
  const { kernel } = cpu;
  yield* kernel.incTlbFlushPending(cpu, mm);
  for (const vma of vmasIn(cpu, mm, 0, cpu.geometry.pages)) {
    // PGWALK_WRLOCK
    yield* kernel.vmaStartWrite(cpu, mm, vma);
    yield* kernel.clearRefsVma(cpu, mm, vma);
  }
  yield* kernel.flushTlbMm(cpu, mm);
  yield* kernel.decTlbFlushPending(cpu, mm);
}

/** Linux: walk_page_range(), one VMA. Caller holds mmap_lock. */
export function* clearRefsVma(cpu: Cpu, mm: MmId, vma: VmaId): Path<void> {
  const { kernel, geometry } = cpu;
  const { start, end } = vmaRange(cpu, vma);
  const walk = tableWalk(cpu, mm);
  for (let at = start; at < end; ) {
    const pmd = yield* kernel.walkToPmd(cpu, walk, at as Vpn);
    if (pmd === NO_PAGE) {
      at = walk.holeEnd;
      continue;
    }
    const next = pmdAddrEnd(geometry, at, end);
    yield* kernel.clearRefsPteRange(cpu, pmd, at, next);
    at = next;
  }
}

/**
 * Linux: clear_refs_pte_range(): one pte table under its PTL. Unlike other walks it does not care for batched unmaps: it
 * flushes everything.
 */
export function* clearRefsPteRange(cpu: Cpu, pmd: Pfn, start: number, end: number): Path<void> {
  const { kernel } = cpu;
  const pte = yield* kernel.pteOffsetMapLock(cpu, pmd, start as Vpn);
  if (pte === NO_PAGE) return;
  for (let at = start; at < end; at++) yield* kernel.clearSoftDirty(cpu, pte, at as Vpn);
  yield* kernel.pteUnmapUnlock(cpu, pte);
}

/**
 * Linux: clear_soft_dirty(), one entry. Caller holds the PTL. As in 6.18, a writable migration entry loses its mark and stays
 * writable, and so does the page when it has moved: stores to it are missed (findings/mainline-soft-dirty-migration.md).
 */
export function* clearSoftDirty(cpu: Cpu, pte: Pfn, vpn: Vpn): Path<void> {
  const index = leafIndex(cpu.geometry, vpn);
  const word = pteWord(cpu, pte, index);
  if (cpu.at(PTE_NEXT, word)) yield;
  const seen = pteLoad(cpu, pte, index);
  if (!pteMapped(seen)) {
    const entry = (seen & ~PTE_SOFT_DIRTY) as PteLo;
    if (entry === seen) return;
    if (cpu.at(NOT_PRESENT, word)) yield;
    pteStore(cpu, pte, index, entry, 0 as PteHi);
    return;
  }
  const hi = pteLoadHigh(cpu, pte, index);
  if (cpu.at(PTE_FOUND, word)) yield;
  const old = pteExchange(cpu, pte, index, PTE_NONE);
  if (cpu.at(PTE_PROTECTED, word)) yield;
  pteStore(cpu, pte, index, (old & ~(PTE_RW | PTE_SOFT_DIRTY)) as PteLo, hi);
}
