/**
 * Linux: mm/ksm.c, one step of ksmd: cmp_and_merge_page() of two pages, named by the caller where Linux finds the second one in
 * its trees. Each page is looked up under mmap_lock, kept by a reference, compared, and merged under mmap_lock and the folio
 * lock. Every private mapping counts as VM_MERGEABLE; checksums, trees and the zero page are left out. A KSM page has no reverse
 * map here (rmap_walk_ksm()): it is neither reclaimed nor moved until the last store has copied it.
 */
import { pteLoad, pteWord } from '../../hardware/pte.ts';
import type { Pfn, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { ESRCH, type MmId, NO_ANON_VMA, NO_SLOT, type TaskId, VM_SHARED, type VmaId } from '../types.ts';
import { PG_ANON, PG_KSM } from './folio.ts';
import { NO_MM } from './fork.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex, tableWalk } from './pgtable.ts';
import { pteMapped, vmNormalPage } from './pte-prot.ts';
import { NO_VMA, vmaFlags, vmaLookup } from './vma-tree.ts';

export const ENTRY_READ = point('getMergeablePage: PTL taken, entry to be read');
export const ANON_CHECK = point('getMergeablePage: page found, is it anonymous?');
export const KSM_CHECK = point('cmpAndMergePage: both pages held, is it a KSM page?');
export const BECOMES_KSM = point('tryToMergeOnePage: write-protected, to become a KSM page');

/** A page of the address space of a task. */
export interface MergeablePage {
  readonly task: TaskId;
  readonly page: number;
}

/** Linux: struct ksm_rmap_item. */
interface RmapItem {
  readonly mm: MmId;
  readonly vpn: Vpn;
}

/**
 * Merges the second page into the first, or the first into the second if only that is a KSM page: 1 if they are one now, 0, or
 * a negative errno.
 */
export function* cmpAndMergePage(cpu: Cpu, first: MergeablePage, second: MergeablePage): Path<number> {
  const { kernel } = cpu;
  const mm = yield* kernel.getTaskMm(cpu, first.task);
  if (mm === NO_MM) return ESRCH;
  const treeMm = yield* kernel.getTaskMm(cpu, second.task);
  let merged = false;
  if (treeMm !== NO_MM) {
    merged = yield* kernel.mergeItems(cpu, { mm, vpn: first.page as Vpn }, { mm: treeMm, vpn: second.page as Vpn });
    yield* kernel.mmput(cpu, treeMm);
  }
  yield* kernel.mmput(cpu, mm);
  return treeMm === NO_MM ? ESRCH : merged ? 1 : 0;
}

/** Linux: the rest of cmp_and_merge_page(), with the look-up and memcmp_pages() of unstable_tree_search_insert(). */
export function* mergeItems(cpu: Cpu, item: RmapItem, treeItem: RmapItem): Path<boolean> {
  const { kernel } = cpu;
  const page: Pfn = yield* kernel.getMergeablePage(cpu, item);
  if (page === NO_PAGE) return false;
  const treePage: Pfn = yield* kernel.getMergeablePage(cpu, treeItem);
  let merged = false;
  // shared by a fork: nothing to merge
  if (treePage !== NO_PAGE && treePage !== page && (yield* kernel.pagesIdentical(cpu, page, treePage))) {
    const stable = yield* isKsm(cpu, page);
    const treeStable = yield* isKsm(cpu, treePage);
    if (stable) merged = yield* kernel.tryToMergeWithKsmPage(cpu, treeItem, treePage, page);
    else if (treeStable) merged = yield* kernel.tryToMergeWithKsmPage(cpu, item, page, treePage);
    else merged = yield* kernel.tryToMergeTwoPages(cpu, { item, page }, { item: treeItem, page: treePage });
  }
  if (treePage !== NO_PAGE) yield* kernel.folioPut(cpu, treePage);
  yield* kernel.folioPut(cpu, page);
  return merged;
}

/** Linux: try_to_merge_two_pages(): the first becomes a KSM page, the second is merged into it, or the first is copied again. */
export function* tryToMergeTwoPages(
  cpu: Cpu,
  one: { item: RmapItem; page: Pfn },
  other: { item: RmapItem; page: Pfn },
): Path<boolean> {
  const { kernel } = cpu;
  if (!(yield* kernel.tryToMergeWithKsmPage(cpu, one.item, one.page, NO_PAGE))) return false;
  if (yield* kernel.tryToMergeWithKsmPage(cpu, other.item, other.page, one.page)) return true;
  yield* kernel.breakCow(cpu, one.item);
  return false;
}

/** Linux: try_to_merge_with_ksm_page(). With NO_PAGE as `kpage` the page becomes the KSM page. */
export function* tryToMergeWithKsmPage(cpu: Cpu, { mm, vpn }: RmapItem, page: Pfn, kpage: Pfn): Path<boolean> {
  const { kernel } = cpu;
  yield* kernel.mmapReadLock(cpu, mm);
  const vma = findMergeableVma(cpu, mm, vpn);
  const merged = vma !== NO_VMA && (yield* kernel.tryToMergeOnePage(cpu, { mm, vma, vpn }, page, kpage));
  yield* kernel.mmapReadUnlock(cpu, mm);
  return merged;
}

/**
 * Linux: try_to_merge_one_page(): nobody waits for the folio lock; under it the page is write-protected, then becomes a KSM page,
 * or is compared once more and replaced. Caller holds mmap_lock for reading. A folio that cannot leave the swap cache is given up,
 * because a KSM page in there would need copies (ksm_might_need_to_copy()).
 */
export function* tryToMergeOnePage(
  cpu: Cpu,
  at: { mm: MmId; vma: VmaId; vpn: Vpn },
  page: Pfn,
  kpage: Pfn,
): Path<boolean> {
  const { kernel, folio } = cpu;
  if (!(yield* kernel.folioTrylock(cpu, page))) return false;
  let merged = false;
  const cached = folio.swap.load(page) !== NO_SLOT && !(yield* kernel.folioFreeSwap(cpu, page));
  const origPte = cached ? undefined : yield* kernel.writeProtectPage(cpu, at, page);
  if (origPte !== undefined && kpage === NO_PAGE) {
    if (cpu.at(BECOMES_KSM, folio.flags.at(page))) yield;
    folio.flags.or(page, PG_KSM);
    // folio_set_stable_node(): mapping no longer leads to an anon_vma
    folio.anonVma.store(page, NO_ANON_VMA);
    yield* kernel.folioMarkDirty(cpu, page);
    merged = true;
  } else if (origPte !== undefined && (yield* kernel.pagesIdentical(cpu, page, kpage))) {
    merged = yield* kernel.replacePage(cpu, at, { page, kpage, origPte });
  }
  yield* kernel.folioUnlock(cpu, page);
  return merged;
}

/** Linux: get_mergeable_page(): the anonymous page that is mapped there, with a reference, or NO_PAGE. */
export function* getMergeablePage(cpu: Cpu, { mm, vpn }: RmapItem): Path<Pfn> {
  const { kernel } = cpu;
  yield* kernel.mmapReadLock(cpu, mm);
  const page: Pfn = findMergeableVma(cpu, mm, vpn) === NO_VMA ? NO_PAGE : yield* walkToAnon(cpu, mm, vpn);
  yield* kernel.mmapReadUnlock(cpu, mm);
  return page;
}

/** Linux: break_cow() and break_ksm(): the page is copied as a store would have it. Linux unshares it, and leaves it clean. */
export function* breakCow(cpu: Cpu, { mm, vpn }: RmapItem): Path<void> {
  const { kernel } = cpu;
  yield* kernel.mmapReadLock(cpu, mm);
  const vma = findMergeableVma(cpu, mm, vpn);
  if (vma !== NO_VMA) yield* kernel.handleMmFault(cpu, mm, vma, vpn, true);
  yield* kernel.mmapReadUnlock(cpu, mm);
}

/** Linux: find_mergeable_vma(). Caller holds mmap_lock. */
function findMergeableVma(cpu: Cpu, mm: MmId, vpn: Vpn): VmaId {
  const vma = vmaLookup(cpu, mm, vpn);
  return vma !== NO_VMA && (vmaFlags(cpu, vma) & VM_SHARED) === 0 ? vma : NO_VMA;
}

/** Linux: folio_walk_start() to folio_walk_end(), with a reference on what is anonymous. Caller holds mmap_lock. */
function* walkToAnon(cpu: Cpu, mm: MmId, vpn: Vpn): Path<Pfn> {
  const { kernel, folio } = cpu;
  const pmd = yield* kernel.walkToPmd(cpu, tableWalk(cpu, mm), vpn);
  const pte = pmd === NO_PAGE ? NO_PAGE : yield* kernel.pteOffsetMapLock(cpu, pmd, vpn);
  if (pte === NO_PAGE) return NO_PAGE;
  const index = leafIndex(cpu.geometry, vpn);
  if (cpu.at(ENTRY_READ, pteWord(cpu, pte, index))) yield;
  const entry = pteLoad(cpu, pte, index);
  let page = pteMapped(entry) ? vmNormalPage(entry) : NO_PAGE;
  if (page !== NO_PAGE) {
    if (cpu.at(ANON_CHECK, folio.flags.at(page))) yield;
    if ((folio.flags.load(page) & PG_ANON) !== 0) yield* kernel.folioGet(cpu, page);
    else page = NO_PAGE;
  }
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return page;
}

function* isKsm(cpu: Cpu, page: Pfn): Path<boolean> {
  if (cpu.at(KSM_CHECK, cpu.folio.flags.at(page))) yield;
  return (cpu.folio.flags.load(page) & PG_KSM) !== 0;
}
