/**
 * Linux: mm/mmu_gather.c, include/asm-generic/tlb.h. The order that everything rests on: unhook, invalidate, free. The
 * gather belongs to one operation and dies with it. Linux links page-sized arrays and flushes when no further one can be
 * had; here `gatherBatch` is how many pages fit.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { isDevice } from '../drivers/vfio-pci.ts';
import { isFile } from '../fs/inode.ts';
import { TLB_FLUSH_ALL } from '../tlb/flush-info.ts';
import type { MmId, VmaId } from '../types.ts';

export const FLUSH_BECOMES_PENDING = point('tlbGatherMmu: about to unhook pages');
export const RMAP_DELAYED = point('tlbFlushRmaps: dirty page flushed, mapping to be uncounted');
export const NESTED = point('tlbFinishMmu: do others have a flush pending?');
export const FLUSH_DONE = point('tlbFinishMmu: flushed and freed, flush no longer pending');

export interface MmuGather {
  readonly mm: MmId;
  /** The whole address space goes, or must be flushed. */
  fullmm: boolean;
  /** Page tables were unhooked: paging-structure caches count too. */
  freedTables: boolean;
  /** Pages that were unhooked and not flushed; empty if start >= end. */
  start: number;
  end: number;
  readonly pages: Pfn[];
  readonly tables: Pfn[];
  /** Dirty folios of the page cache whose mapping is uncounted after the flush (Linux: delayed_rmap). */
  readonly delayedRmap: Pfn[];
  /** Some VMA of raw frames was walked over: see tlbFreeVmas. */
  vmaPfn: boolean;
}

/** Linux: tlb_gather_mmu(). */
export function* tlbGatherMmu(cpu: Cpu, mm: MmId): Path<MmuGather> {
  yield* cpu.kernel.incTlbFlushPending(cpu, mm);
  return {
    mm,
    fullmm: false,
    freedTables: false,
    start: Number.POSITIVE_INFINITY,
    end: 0,
    pages: [],
    tables: [],
    delayedRmap: [],
    vmaPfn: false,
  };
}

/** Linux: tlb_gather_mmu_fullmm(). */
export function* tlbGatherMmuFullmm(cpu: Cpu, mm: MmId): Path<MmuGather> {
  const tlb = yield* cpu.kernel.tlbGatherMmu(cpu, mm);
  tlb.fullmm = true;
  return tlb;
}

/** Linux: inc_tlb_flush_pending(): before the PTL that protects the change, so that whoever sees the change sees this too. */
export function* incTlbFlushPending(cpu: Cpu, mm: MmId): Path<void> {
  const { tlbFlushPending } = cpu.mm;
  if (cpu.at(FLUSH_BECOMES_PENDING, tlbFlushPending.at(mm))) yield;
  tlbFlushPending.add(mm, 1);
}

/** Linux: dec_tlb_flush_pending(): after the flush. */
export function* decTlbFlushPending(cpu: Cpu, mm: MmId): Path<void> {
  const { tlbFlushPending } = cpu.mm;
  if (cpu.at(FLUSH_DONE, tlbFlushPending.at(mm))) yield;
  const former = tlbFlushPending.add(mm, -1);
  if (former <= 0) cpu.bug(`mm ${mm}: tlb_flush_pending falls from ${former}`);
}

/** Linux: tlb_flush_pte_range(): the entries of these pages changed; their flush is owed. Caller holds the PTL. */
export function* tlbFlushPteRange(_cpu: Cpu, tlb: MmuGather, vpn: number, pages: number): Path<void> {
  tlb.start = Math.min(tlb.start, vpn);
  tlb.end = Math.max(tlb.end, vpn + pages);
}

/** Linux: tlb_remove_tlb_entry(): an entry was cleared. Caller holds the PTL. */
export function* tlbRemoveTlbEntry(cpu: Cpu, tlb: MmuGather, vpn: number): Path<void> {
  yield* cpu.kernel.tlbFlushPteRange(cpu, tlb, vpn, 1);
}

/** Linux: __tlb_remove_folio_pages(): the reference of the mapping is dropped after the flush. True: full, flush first. */
export function* tlbRemovePage(cpu: Cpu, tlb: MmuGather, pfn: Pfn): Path<boolean> {
  tlb.pages.push(pfn);
  return tlb.pages.length >= cpu.geometry.gatherBatch;
}

/** Linux: pte_free_tlb() and tlb_remove_table(): an unhooked table; `vpn` is any page it mapped. */
export function* tlbRemoveTable(cpu: Cpu, tlb: MmuGather, pfn: Pfn, vpn: number): Path<void> {
  tlb.freedTables = true;
  yield* cpu.kernel.tlbFlushPteRange(cpu, tlb, vpn, 1);
  tlb.tables.push(pfn);
}

/** Linux: tlb_flush_mmu_tlbonly(): the flush that is owed, if any. */
export function* tlbFlushMmuTlbonly(cpu: Cpu, tlb: MmuGather): Path<void> {
  if (tlb.end <= tlb.start && !tlb.freedTables) return;
  const start = tlb.fullmm ? 0 : tlb.start;
  const end = tlb.fullmm ? TLB_FLUSH_ALL : tlb.end;
  yield* cpu.kernel.flushTlbMmRange(cpu, tlb.mm, start, end, tlb.freedTables);
  tlb.freedTables = false;
  tlb.start = Number.POSITIVE_INFINITY;
  tlb.end = 0;
}

/** Linux: tlb_flush_rmaps(): behind the flush, with the PTL still held. */
export function* tlbFlushRmaps(cpu: Cpu, tlb: MmuGather): Path<void> {
  for (const pfn of tlb.delayedRmap.splice(0)) yield* cpu.kernel.folioRemoveRmapPte(cpu, pfn, RMAP_DELAYED);
}

/**
 * Linux: tlb_flush_mmu_free(): tables by way of RCU (software walks them without a lock), pages at once, with their place in
 * the swap cache.
 */
export function* tlbFlushMmuFree(cpu: Cpu, tlb: MmuGather): Path<void> {
  for (const table of tlb.tables.splice(0)) yield* cpu.kernel.tlbRemoveTableFree(cpu, table);
  for (const pfn of tlb.pages.splice(0)) {
    yield* cpu.kernel.freeSwapCache(cpu, pfn);
    yield* cpu.kernel.folioPut(cpu, pfn);
  }
}

/** Linux: tlb_table_flush() and tlb_remove_table_rcu(): frees one table after a grace period. */
export function* tlbRemoveTableFree(cpu: Cpu, table: Pfn): Path<void> {
  yield* cpu.kernel.rcuDefer(cpu, table);
}

/** Linux: tlb_flush_mmu(). */
export function* tlbFlushMmu(cpu: Cpu, tlb: MmuGather): Path<void> {
  yield* cpu.kernel.tlbFlushMmuTlbonly(cpu, tlb);
  yield* cpu.kernel.tlbFlushMmuFree(cpu, tlb);
}

/**
 * Linux: tlb_start_vma(), tlb_update_vma_flags(): the walk over the entries of a VMA begins. Raw frames are what devices map
 * (VM_PFNMAP); the flags of the VMA may change meanwhile, its file not.
 */
export function* tlbStartVma(cpu: Cpu, tlb: MmuGather, vma: VmaId): Path<void> {
  const file = cpu.vma.object.load(vma);
  tlb.vmaPfn ||= isFile(cpu, file) && isDevice(cpu, file);
}

/**
 * Linux: tlb_free_vmas(); before there was such, from 5.19 on, tlb_end_vma() did so: VMAs are about to be taken off the lists of their files.
 * unmap_mapping_range() will not find them there, and so not wait for their flush; of raw frames nothing else keeps the owner from going on,
 * so their flush comes first.
 */
export function* tlbFreeVmas(cpu: Cpu, tlb: MmuGather): Path<void> {
  if (!tlb.fullmm && tlb.vmaPfn) yield* cpu.kernel.tlbFlushMmuTlbonly(cpu, tlb);
}

/** Linux: tlb_end_vma(): the walk over the entries of a VMA is over. On x86 the gather goes on over several VMAs: nothing to do. */
export function* tlbEndVma(_cpu: Cpu, _tlb: MmuGather, _vma: VmaId): Path<void> {}

/**
 * Linux: tlb_finish_mmu(). While others have a flush pending, entries that this operation found empty may still be cached
 * on their account: then everything is flushed, tables included.
 */
export function* tlbFinishMmu(cpu: Cpu, tlb: MmuGather): Path<void> {
  const { tlbFlushPending } = cpu.mm;
  if (cpu.at(NESTED, tlbFlushPending.at(tlb.mm))) yield;
  if (tlbFlushPending.load(tlb.mm) > 1) {
    tlb.fullmm = true;
    tlb.freedTables = true;
  }
  yield* cpu.kernel.tlbFlushMmu(cpu, tlb);
  yield* cpu.kernel.decTlbFlushPending(cpu, tlb.mm);
}
