/**
 * Linux: mm/gup.c: get_user_pages() without pin (FOLL_GET), the slow way: under mmap_lock, page by page, the entry is followed
 * under the PTL or faulted in. Linux may drop mmap_lock in a fault and take it again; handleMmFault keeps it here.
 * FOLL_FORCE, unsharing (only pins ask for it) and fatal signals are left out.
 */
import { PTE_D, pteLoad, ptePfn, pteWord, pteWrite } from '../../hardware/pte.ts';
import type { Pfn, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { EFAULT, ENOMEM, type MmId, VM_PFNMAP, VM_READ, VM_SHARED, VM_WRITE, type VmaId } from '../types.ts';
import { VM_FAULT_OOM } from './fault.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex, tableWalk } from './pgtable.ts';
import { pteMapped, vmNormalPage } from './pte-prot.ts';
import { isExclusive } from './rmap.ts';
import { NO_VMA, vmaEnd, vmaFlags, vmaLookup } from './vma-tree.ts';

export const FOLLOWS = point('followPageMask: PTL taken, pte to be read');

/** The most pages that one call is asked for: the length of its array. */
export const GUP_PAGES = 16;

/**
 * Which pages of its own address space a task asks for (FOLL_WRITE: to write to them), and those it has so far. Lives as long
 * as the call.
 */
export interface Gup {
  readonly mm: MmId;
  readonly start: number;
  readonly nrPages: number;
  readonly write: boolean;
  /** FOLL_FORCE: private mappings whatever they allow; to write, to a page of the mapping's own. */
  readonly force?: boolean;
  readonly pages: Pfn[];
}

/** Linux: get_user_pages_fast() and gup_fast_fallback(): what the fast way leaves, the slow one fetches. Returns as below. */
export function* getUserPagesFast(cpu: Cpu, gup: Gup): Path<number> {
  yield* cpu.kernel.gupFast(cpu, gup);
  if (gup.pages.length === gup.nrPages) return gup.nrPages;
  return yield* cpu.kernel.getUserPagesUnlocked(cpu, gup);
}

/**
 * Linux: get_user_pages_unlocked() and __get_user_pages_locked(): how many pages `gup` has now, perhaps fewer than it asks for;
 * a negative errno if none. The caller drops their references.
 */
export function* getUserPagesUnlocked(cpu: Cpu, gup: Gup): Path<number> {
  yield* cpu.kernel.mmapReadLock(cpu, gup.mm);
  const error = yield* cpu.kernel.getUserPages(cpu, gup);
  yield* cpu.kernel.mmapReadUnlock(cpu, gup.mm);
  return gup.pages.length > 0 ? gup.pages.length : error;
}

/**
 * Linux: __get_user_pages(): from the first page that `gup` has not; 0, or the errno at which it stopped. Caller holds
 * mmap_lock for reading.
 */
export function* getUserPages(cpu: Cpu, gup: Gup): Path<number> {
  const { start, nrPages, pages, mm } = gup;
  let vma = NO_VMA;
  while (pages.length < nrPages) {
    const at = (start + pages.length) as Vpn;
    if (vma === NO_VMA || at >= vmaEnd(cpu, vma)) {
      vma = vmaLookup(cpu, mm, at);
      if (vma === NO_VMA || !checkVmaFlags(cpu, vma, gup)) return EFAULT;
    }
    const page = yield* cpu.kernel.followPageMask(cpu, gup, at);
    if (page !== NO_PAGE) {
      pages.push(page);
      continue;
    }
    const error = yield* cpu.kernel.faultinPage(cpu, gup, vma, at);
    if (error !== 0) return error;
  }
  return 0;
}

/** Linux: check_vma_flags(). Caller holds mmap_lock. */
function checkVmaFlags(cpu: Cpu, vma: VmaId, { write, force = false }: Gup): boolean {
  const flags = vmaFlags(cpu, vma);
  if ((flags & VM_PFNMAP) !== 0) return false;
  return (flags & (write ? VM_WRITE : VM_READ)) !== 0 || (force && (flags & VM_SHARED) === 0);
}

/**
 * Linux: can_follow_write_pte(): a forced write goes past an entry that is read-only, if the page is this mapping's alone.
 * Caller holds the PTL.
 */
function* canFollowWritePte(cpu: Cpu, { mm, force = false }: Gup, vpn: Vpn, entry: PteLo): Path<boolean> {
  if (pteWrite(entry)) return true;
  if (!force || (vmaFlags(cpu, vmaLookup(cpu, mm, vpn)) & (VM_SHARED | VM_WRITE)) !== 0) return false;
  const page = vmNormalPage(entry);
  return page !== NO_PAGE && (yield* isExclusive(cpu, page));
}

/**
 * Linux: follow_page_mask() to follow_page_pte(): the page that the entry maps, with a reference, or NO_PAGE: to be faulted in.
 * To write, the entry must be writable: so a page that others map, too, is copied first. Caller holds mmap_lock. A hint of
 * NUMA balancing is followed (no FOLL_HONOR_NUMA_FAULT), and the zero page is counted like any other.
 */
export function* followPageMask(cpu: Cpu, gup: Gup, vpn: Vpn): Path<Pfn> {
  const { kernel } = cpu;
  const pmd = yield* kernel.walkToPmd(cpu, tableWalk(cpu, gup.mm), vpn);
  if (pmd === NO_PAGE) return NO_PAGE;
  const pte = yield* kernel.pteOffsetMapLock(cpu, pmd, vpn);
  if (pte === NO_PAGE) return NO_PAGE;
  const index = leafIndex(cpu.geometry, vpn);
  if (cpu.at(FOLLOWS, pteWord(cpu, pte, index))) yield;
  const entry = pteLoad(cpu, pte, index);
  let page = NO_PAGE;
  if (pteMapped(entry) && (!gup.write || (yield* canFollowWritePte(cpu, gup, vpn, entry)))) {
    page = ptePfn(entry);
    cpu.observer?.pageFollowed(cpu, vpn - gup.start, page);
    // try_grab_folio(): the entry has a reference, and keeps it under the PTL
    yield* kernel.folioGet(cpu, page);
    // FOLL_TOUCH: nobody sets D for a store that goes past the entry
    if (gup.write && (entry & PTE_D) === 0 && !(yield* kernel.folioTestDirty(cpu, page))) {
      yield* kernel.folioMarkDirty(cpu, page);
    }
  }
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return page;
}

/** Linux: faultin_page(): 0: look again, or a negative errno. Caller holds mmap_lock. */
export function* faultinPage(cpu: Cpu, gup: Gup, vma: VmaId, vpn: Vpn): Path<number> {
  const fault = yield* cpu.kernel.handleMmFault(cpu, gup.mm, vma, vpn, gup.write);
  if (fault === 0) return 0;
  return fault === VM_FAULT_OOM ? ENOMEM : EFAULT;
}
