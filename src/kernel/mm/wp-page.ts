/** Linux: mm/memory.c do_wp_page(), wp_page_reuse(), wp_page_copy(): a store to a page that is mapped read-only for COW. */
import { PTE_A, PTE_NONE, pteExchange, pteLoad, pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteLo, Vpn } from '../../hardware/types.ts';
import { combined } from '../../memory/combined.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { OWNER_USER } from '../observer.ts';
import { type MmId, VM_PFNMAP, VM_SHARED, VM_UFFD_WP, type VmaId } from '../types.ts';
import { VM_FAULT_OOM } from './fault.ts';
import { PG_ANON, PG_ANON_EXCLUSIVE, PG_KSM, PG_SWAPCACHE } from './folio.ts';
import { maybeMkwrite, mkNewPte, type VmFault } from './memory.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex } from './pgtable.ts';
import { protHi, vmNormalPage } from './pte-prot.ts';
import { PTE_DIRTIED } from './pte-tracking.ts';
import { RMAP_EXCLUSIVE } from './rmap.ts';

export const EXCLUSIVE = point('doWpPage: read-only page found, is it exclusive?');
export const WORTH_LOCKING = point('wpCanReuseAnonFolio: shared once, do others hold the folio?');
export const ONLY_REFERENCE = point('wpCanReuseAnonFolio: folio locked, is ours the only reference left?');
export const BECOMES_EXCLUSIVE = point('wpCanReuseAnonFolio: only reference, to be marked exclusive');
export const COPIED = point('wpPageCopy: copied, PTL taken, pte to be rechecked');
export const UNHOOKS = point('ptepClearFlush: pte to be cleared');
export const NEW_PTE = point('wpPageCopy: old pte cleared and flushed, new one to be set');
export const OLD_UNMAPS = point('wpPageCopy: new pte set, mapping of the old page to be uncounted');

/** Linux: do_wp_page(). Caller holds the PTL of `pte`, which is dropped; `vmf.origPte` is what the entry holds. */
export function* doWpPage(cpu: Cpu, fault: VmFault, pte: Pfn): Path<number> {
  const { kernel } = cpu;
  let vmf = fault;
  if ((vmf.vmFlags & VM_UFFD_WP) !== 0) {
    vmf = combined(vmf, { origPte: yield* kernel.userfaultfdWpAsync(cpu, vmf, pte) });
    yield* kernel.flushUffdWpPending(cpu, vmf);
  }
  const page = vmNormalPage(vmf.origPte);
  if ((vmf.vmFlags & VM_SHARED) !== 0 && page !== NO_PAGE) {
    return yield* kernel.wpPageShared(cpu, vmf, pte, page);
  }
  // wp_pfn_shared(): a raw entry has nothing to be told of a store
  const raw = (vmf.vmFlags & VM_PFNMAP) !== 0;
  if (raw || (page !== NO_PAGE && (yield* kernel.wpCanReuseAnonFolio(cpu, page)))) {
    const entry = maybeMkwrite((vmf.origPte | PTE_A | PTE_DIRTIED) as PteLo, vmf.vmFlags);
    yield* kernel.ptepSetAccessFlags(cpu, vmf, pte, vmf.origPte, entry);
    yield* kernel.pteUnmapUnlock(cpu, pte);
    return 0;
  }
  // held over the copy: the PTL is dropped, and the last mapping may go meanwhile
  if (page !== NO_PAGE) yield* kernel.folioGet(cpu, page);
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return yield* kernel.wpPageCopy(cpu, vmf, page);
}

/**
 * Linux: PageAnonExclusive() or wp_can_reuse_anon_folio(): may this mapping write to the page itself? Only the folio lock keeps
 * the swap cache, and so the count of references, as it is. Caller holds the PTL.
 */
export function* wpCanReuseAnonFolio(cpu: Cpu, page: Pfn): Path<boolean> {
  const { folio, kernel } = cpu;
  if (cpu.at(EXCLUSIVE, folio.flags.at(page))) yield;
  const flags = folio.flags.load(page);
  if ((flags & PG_ANON_EXCLUSIVE) !== 0) return true;
  if ((flags & PG_ANON) === 0 || (flags & PG_KSM) !== 0) return false;
  const cached = (flags & PG_SWAPCACHE) !== 0 ? 1 : 0;
  if (cpu.at(WORTH_LOCKING, folio.refcount.at(page))) yield;
  if (folio.refcount.load(page) > 1 + cached || !(yield* kernel.folioTrylock(cpu, page))) return false;
  if (cached !== 0) yield* kernel.folioFreeSwap(cpu, page);
  if (cpu.at(ONLY_REFERENCE, folio.refcount.at(page))) yield;
  const alone = folio.refcount.load(page) === 1;
  if (alone) {
    if (cpu.at(BECOMES_EXCLUSIVE, folio.flags.at(page))) yield;
    folio.flags.or(page, PG_ANON_EXCLUSIVE);
  }
  yield* kernel.folioUnlock(cpu, page);
  return alone;
}

/**
 * Linux: wp_page_copy(): copy, recheck under the PTL, clear and flush the old entry, only then set the new one: at no time
 * can two CPUs use both pages. `old` is NO_PAGE for the zero page; otherwise the caller's reference on it is dropped here.
 */
export function* wpPageCopy(cpu: Cpu, vmf: VmFault, old: Pfn): Path<number> {
  const { kernel } = cpu;
  const { vpn, vmFlags } = vmf;
  const page = yield* kernel.allocPage(cpu, OWNER_USER);
  if (page === NO_PAGE) {
    if (old !== NO_PAGE) yield* kernel.folioPut(cpu, old);
    return VM_FAULT_OOM;
  }
  if (old !== NO_PAGE) yield* kernel.copyPage(cpu, old, page);
  else yield* kernel.clearPage(cpu, page, cpu.geometry.wordsPerPage);
  const pte = yield* kernel.pteOffsetMapLock(cpu, vmf.pmd, vpn);
  let unused = page;
  if (pte !== NO_PAGE) {
    const index = leafIndex(cpu.geometry, vpn);
    const word = pteWord(cpu, pte, index);
    if (cpu.at(COPIED, word)) yield;
    const now = pteLoad(cpu, pte, index);
    if (now !== vmf.origPte) yield* kernel.updateMmuTlb(cpu, vmf, now);
    else {
      yield* kernel.ptepClearFlush(cpu, vmf, pte);
      yield* kernel.folioAddNewAnonRmap(cpu, page, vmf, RMAP_EXCLUSIVE);
      if (cpu.at(NEW_PTE, word)) yield;
      pteStore(cpu, pte, index, mkNewPte(page, vmFlags), protHi(vmFlags));
      if (old !== NO_PAGE) yield* kernel.folioRemoveRmapPte(cpu, old, OLD_UNMAPS);
      // the reference of the old mapping goes instead of the new page
      unused = old;
    }
    yield* kernel.pteUnmapUnlock(cpu, pte);
  }
  if (unused !== NO_PAGE) yield* kernel.folioPut(cpu, unused);
  if (old !== NO_PAGE) {
    if (unused === old) yield* kernel.freeSwapCache(cpu, old);
    yield* kernel.folioPut(cpu, old);
  }
  return 0;
}

/** Linux: mm/pgtable-generic.c ptep_clear_flush(). Caller holds the PTL. Returns the entry as it was at the clear. */
export function* ptepClearFlush(cpu: Cpu, at: { mm: MmId; vma: VmaId; vpn: Vpn }, pte: Pfn): Path<PteLo> {
  const index = leafIndex(cpu.geometry, at.vpn);
  if (cpu.at(UNHOOKS, pteWord(cpu, pte, index))) yield;
  const old = pteExchange(cpu, pte, index, PTE_NONE);
  if (yield* cpu.kernel.pteAccessible(cpu, at.mm, old)) yield* cpu.kernel.flushTlbPage(cpu, at.mm, at.vpn);
  return old;
}
