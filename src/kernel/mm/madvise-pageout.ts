/**
 * Linux: mm/madvise.c madvise_cold_or_pageout_pte_range(), MADV_COLD: the entries of a range become old; MADV_PAGEOUT: its pages
 * that nobody else maps are reclaimed, too, anonymous ones only where there is swap.
 */
import { PTE_A, pteCas, pteLoad, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { ENOMEM, MADV_PAGEOUT, type MmId } from '../types.ts';
import { PG_ANON } from './folio.ts';
import type { MmuGather } from './mmu-gather.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex, pmdAddrEnd, tableWalk } from './pgtable.ts';
import { pteMapped, vmNormalPage } from './pte-prot.ts';
import { vmaEnd, vmaStart, vmasIn } from './vma-tree.ts';

export const PTE_NEXT = point('pageoutPte: next pte to be read');
export const ONE_MAPPING = point('pageoutPte: present pte found, is it the only one of its folio?');
export const WHOSE = point('pageoutPte: only mapping, is it a folio of the page cache?');
export const YOUNG = point('pageoutPte: young pte to be made old');

/** Linux: madvise_cold() and madvise_pageout() over a range. 0, or -ENOMEM if part of it was not mapped: the rest is done. */
export function* madvisePageout(cpu: Cpu, mm: MmId, start: number, end: number, advice: number): Path<number> {
  const { kernel } = cpu;
  yield* kernel.mmapReadLock(cpu, mm);
  let at = start;
  let hole = false;
  for (const vma of vmasIn(cpu, mm, start, end)) {
    const from = Math.max(start, vmaStart(cpu, vma));
    const to = Math.min(end, vmaEnd(cpu, vma));
    if (from > at) hole = true;
    const tlb = yield* kernel.tlbGatherMmu(cpu, mm);
    yield* kernel.pageoutRange(cpu, tlb, from, to, advice);
    yield* kernel.tlbFinishMmu(cpu, tlb);
    at = to;
  }
  yield* kernel.mmapReadUnlock(cpu, mm);
  return hole || at < end ? ENOMEM : 0;
}

/** Linux: madvise_pageout_page_range(): what one pte table gives is reclaimed once its PTL is dropped. */
export function* pageoutRange(cpu: Cpu, tlb: MmuGather, start: number, end: number, advice: number): Path<void> {
  const { kernel } = cpu;
  const walk = tableWalk(cpu, tlb.mm);
  for (let at = start; at < end; ) {
    const pmd = yield* kernel.walkToPmd(cpu, walk, at as Vpn);
    if (pmd === NO_PAGE) {
      at = walk.holeEnd;
      continue;
    }
    const stop = Math.min(pmdAddrEnd(cpu.geometry, at, end), at + cpu.geometry.reclaimBatch);
    const pte = yield* kernel.pteOffsetMapLock(cpu, pmd, at as Vpn);
    if (pte !== NO_PAGE) {
      yield* kernel.flushTlbBatchedPending(cpu, tlb.mm);
      const isolated: Pfn[] = [];
      for (; at < stop; at++) {
        const folio = yield* kernel.pageoutPte(cpu, tlb, pte, at as Vpn, advice);
        if (folio !== NO_PAGE) isolated.push(folio);
      }
      yield* kernel.pteUnmapUnlock(cpu, pte);
      yield* kernel.shrinkFolioList(cpu, isolated);
    }
    at = stop;
  }
}

/** One entry: the folio with a reference if it is to be reclaimed, else NO_PAGE. Caller holds the PTL. */
export function* pageoutPte(cpu: Cpu, tlb: MmuGather, pte: Pfn, vpn: Vpn, advice: number): Path<Pfn> {
  const { folio, kernel } = cpu;
  const index = leafIndex(cpu.geometry, vpn);
  const word = pteWord(cpu, pte, index);
  if (cpu.at(PTE_NEXT, word)) yield;
  let entry = pteLoad(cpu, pte, index);
  const page = vmNormalPage(entry);
  if (!pteMapped(entry) || page === NO_PAGE) return NO_PAGE;
  if (cpu.at(ONE_MAPPING, folio.mapcount.at(page))) yield;
  if (folio.mapcount.load(page) !== 1) return NO_PAGE;
  if (cpu.at(WHOSE, folio.flags.at(page))) yield;
  if (cpu.geometry.swapSlots === 0 && (folio.flags.load(page) & PG_ANON) !== 0) return NO_PAGE;
  while ((entry & PTE_A) !== 0) {
    if (cpu.at(YOUNG, word)) yield;
    const found = pteCas(cpu, pte, index, entry, (entry & ~PTE_A) as PteLo);
    if (found === entry) {
      yield* kernel.tlbRemoveTlbEntry(cpu, tlb, vpn);
      break;
    }
    entry = found;
  }
  if (advice !== MADV_PAGEOUT || !(yield* kernel.folioIsolateLru(cpu, page))) return NO_PAGE;
  yield* kernel.folioGet(cpu, page);
  return page;
}
