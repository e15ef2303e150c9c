/**
 * Linux: mm/memory.c, unmap_vmas() down to zap_pte_range(): unhooks pages of a range and hands them to a gather. Caller
 * holds mmap_lock (read is enough once the VMAs are detached), or the per-VMA lock of the one VMA around the range.
 */
import { PTE_D, PTE_NONE, pteExchange, pteLoad, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteLo, Vpn } from '../../hardware/types.ts';
import { combined } from '../../memory/combined.ts';
import { type Path, type Point, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { NO_FILE, NO_SLOT, type VmaId } from '../types.ts';
import { PG_ANON } from './folio.ts';
import type { MmuGather } from './mmu-gather.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex, pmdAddrEnd, pmdLevel, pmdSize, tableWalk } from './pgtable.ts';
import { migrationPfn, pteMapped, pteNone, swapSlotOf, vmNormalPage } from './pte-prot.ts';

export const PTE_NEXT = point('zapPte: next pte to be read');
export const PTE_FOUND = point('zapPte: present pte found');
export const WHOSE = point('zapPte: dirty pte of a file mapping cleared, is the page a private copy?');
export const COPY_CHECK = point('zapPte: present pte found, is the page a private copy?');
export const PTE_CLEARED = point('zapPte: pte cleared, flush owed');

/** Linux: struct zap_details. */
export interface ZapDetails {
  /** Free page tables that the zap empties. */
  readonly reclaimPt: boolean;
  /** The range is part of a file mapping: its pages may be folios of the page cache. */
  readonly file: boolean;
  /** Private copies of those pages go, too. */
  readonly evenCows: boolean;
}
export const ZAP_UNMAP: ZapDetails = { reclaimPt: false, file: false, evenCows: true };
export const ZAP_DONTNEED: ZapDetails = { reclaimPt: true, file: false, evenCows: true };
/** unmap_mapping_range() with even_cows. */
export const ZAP_TRUNCATE: ZapDetails = { reclaimPt: false, file: true, evenCows: true };
/** unmap_mapping_folio(): what is dropped can be read again, private copies could not. */
export const ZAP_INVALIDATE: ZapDetails = { reclaimPt: false, file: true, evenCows: false };

/** The same for the range of a VMA that maps `object`. */
export function zapOf(details: ZapDetails, object: number): ZapDetails {
  return object === NO_FILE ? details : combined(details, { file: true });
}

/** Where a VMA lies whose pages go. */
export interface UnmapRange {
  readonly vma: VmaId;
  readonly start: number;
  readonly end: number;
}

/** Linux: unmap_vmas(): VMA by VMA, with no flush in between unless the gather is full. */
export function* unmapVmas(cpu: Cpu, tlb: MmuGather, ranges: readonly UnmapRange[]): Path<void> {
  for (const { vma, start, end } of ranges) {
    const details = zapOf(ZAP_UNMAP, cpu.vma.object.load(vma));
    yield* cpu.kernel.unmapPageRange(cpu, tlb, { vma, start, end }, details);
  }
}

/** Linux: unmap_page_range(), with zap_p4d_range() to zap_pmd_range(). */
export function* unmapPageRange(cpu: Cpu, tlb: MmuGather, range: UnmapRange, details: ZapDetails): Path<void> {
  const { vma, start, end } = range;
  yield* cpu.kernel.tlbStartVma(cpu, tlb, vma);
  const walk = tableWalk(cpu, tlb.mm);
  for (let at = start; at < end; ) {
    const pmd = yield* cpu.kernel.walkToPmd(cpu, walk, at as Vpn);
    if (pmd === NO_PAGE) {
      at = walk.holeEnd;
      continue;
    }
    const next = pmdAddrEnd(cpu.geometry, at, end);
    yield* cpu.kernel.zapPteRange(cpu, tlb, pmd, at, next, details);
    at = next;
  }
  yield* cpu.kernel.tlbEndVma(cpu, tlb, vma);
}

/**
 * Linux: zap_pte_range(): the entries of one pte table. The PTL is dropped and retaken after `pteWalkLimit` entries, when
 * the CPU is wanted by another task, and when the gather is full: then what is owed is flushed before the PTL is dropped.
 */
export function* zapPteRange(
  cpu: Cpu,
  tlb: MmuGather,
  pmd: Pfn,
  start: number,
  end: number,
  details: ZapDetails,
): Path<void> {
  const g = cpu.geometry;
  const canReclaim = details.reclaimPt && cpu.switches.ptReclaim && pmdLevel(g) >= 0 && end - start >= pmdSize(g);
  let inOneGo = true;
  for (let at = start; ; ) {
    const pte = yield* cpu.kernel.pteOffsetMapLock(cpu, pmd, at as Vpn);
    if (pte === NO_PAGE) return;
    yield* cpu.kernel.flushTlbBatchedPending(cpu, tlb.mm);
    let forceFlush = false;
    for (let n = 0; at < end && !forceFlush; n++) {
      if (n > 0 && (n >= g.pteWalkLimit || cpu.rq.preemptNeedResched.own(cpu.id) !== 0)) {
        inOneGo = false;
        break;
      }
      forceFlush = yield* cpu.kernel.zapPte(cpu, tlb, pte, at as Vpn, details);
      at++;
    }
    if (forceFlush) inOneGo = false;
    // a dirty page may still be written through some TLB: the flush comes before anybody can find it unmapped
    if (tlb.delayedRmap.length > 0) forceFlush = true;
    let unhooked = false;
    if (canReclaim && inOneGo) unhooked = yield* cpu.kernel.tryGetAndClearPmd(cpu, pmd, pte, start as Vpn);
    if (forceFlush) {
      yield* cpu.kernel.tlbFlushMmuTlbonly(cpu, tlb);
      yield* cpu.kernel.tlbFlushRmaps(cpu, tlb);
    }
    yield* cpu.kernel.pteUnmapUnlock(cpu, pte);
    if (forceFlush) yield* cpu.kernel.tlbFlushMmu(cpu, tlb);
    // dropping the PTL has let other tasks run if they are due (Linux: cond_resched())
    if (at < end) continue;
    if (unhooked) yield* cpu.kernel.tlbRemoveTable(cpu, tlb, pte, start);
    else if (canReclaim) yield* cpu.kernel.tryToFreePte(cpu, tlb, pmd, start as Vpn);
    return;
  }
}

/**
 * Linux: do_zap_pte_range() and zap_present_folio_ptes(), and zap_nonpresent_ptes(), one entry. Caller holds the PTL of `pte`.
 * True: the gather is full. An exchange, not a store: hardware may set A and D until the very moment (B-18).
 */
export function* zapPte(cpu: Cpu, tlb: MmuGather, pte: Pfn, vpn: Vpn, details: ZapDetails): Path<boolean> {
  const index = leafIndex(cpu.geometry, vpn);
  const word = pteWord(cpu, pte, index);
  if (cpu.at(PTE_NEXT, word)) yield;
  const seen = pteLoad(cpu, pte, index);
  if (pteNone(seen)) return false;
  if (!details.evenCows && (yield* isCow(cpu, seen))) return false;
  const slot = swapSlotOf(seen);
  if (slot !== NO_SLOT) yield* cpu.kernel.freeSwapAndCache(cpu, slot);
  if (cpu.at(PTE_FOUND, word)) yield;
  const old = pteExchange(cpu, pte, index, PTE_NONE);
  // a folio on the move is not mapped here: whoever moves it finds nothing to come back to
  if (slot !== NO_SLOT || migrationPfn(old) !== NO_PAGE) return false;
  if (!pteMapped(old))
    cpu.bug(`mm ${tlb.mm} page 0x${vpn.toString(16)}: pte 0x${(old >>> 0).toString(16)} maps nothing`);
  yield* cpu.kernel.tlbRemoveTlbEntry(cpu, tlb, vpn);
  const page = vmNormalPage(old);
  if (page === NO_PAGE) return false;
  if (details.file && (old & PTE_D) !== 0 && !(yield* isAnonNow(cpu, page, WHOSE))) {
    yield* cpu.kernel.folioMarkDirty(cpu, page);
    tlb.delayedRmap.push(page);
  } else yield* cpu.kernel.folioRemoveRmapPte(cpu, page, PTE_CLEARED);
  return yield* cpu.kernel.tlbRemovePage(cpu, tlb, page);
}

/** Linux: !should_zap_folio(): is what the entry maps, or will map again, a private copy? */
function* isCow(cpu: Cpu, entry: PteLo): Path<boolean> {
  if (swapSlotOf(entry) !== NO_SLOT) return true;
  const moving = migrationPfn(entry);
  const page = moving !== NO_PAGE ? moving : vmNormalPage(entry);
  return page !== NO_PAGE && (yield* isAnonNow(cpu, page, COPY_CHECK));
}

/** Linux: folio_test_anon(), of a page that the entry maps, or did until now. */
function* isAnonNow(cpu: Cpu, page: Pfn, now: Point): Path<boolean> {
  if (cpu.at(now, cpu.folio.flags.at(page))) yield;
  return (cpu.folio.flags.load(page) & PG_ANON) !== 0;
}
