/**
 * Linux: mm/ksm.c write_protect_page() and replace_page(): what KSM does to an entry. No TLB may let anybody write to the page
 * once it is compared; and no TLB may hold the old page once the new one is there.
 */
import { PTE_D, PTE_RW, pteLoad, pteLoadHigh, pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type MmId, NO_SLOT, type VmaId } from '../types.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex, tableWalk } from './pgtable.ts';
import { protHi, protLo } from './pte-prot.ts';
import { isExclusive, RMAP_NONE } from './rmap.ts';
import { vmaFlags } from './vma-tree.ts';

export const PROTECTS = point('writeProtectPage: entry found, to be read again');
export const PENDING = point('writeProtectPage: entry read-only and clean, is a flush pending?');
export const MAPPINGS = point('writeProtectPage: entry cleared and flushed, how many mappings?');
export const REFERENCES = point('writeProtectPage: mappings read, does anybody else hold the page?');
export const COMES_BACK = point('writeProtectPage: held by others, entry to be set as it was');
export const SETS_READONLY = point('writeProtectPage: read-only and clean entry to be set');
export const SAME_CHECK = point('replacePage: PTL taken, is the entry as it was left?');
export const STABLE_SETS = point('replacePage: old entry cleared and flushed, that of the KSM page to be set');
export const OLD_UNMAPS = point('replacePage: new entry set, mapping of the old page to be uncounted');

/** Where a page is mapped. */
export interface KsmPlace {
  readonly mm: MmId;
  readonly vma: VmaId;
  readonly vpn: Vpn;
}

/**
 * The entry as it is left, read-only and clean; undefined if the page is not mapped there, or somebody else holds it. Caller holds
 * the folio lock and mmap_lock for reading.
 */
export function* writeProtectPage(cpu: Cpu, at: KsmPlace, page: Pfn): Path<PteLo | undefined> {
  const { kernel } = cpu;
  const { mm, vma, vpn } = at;
  const pte = yield* kernel.pageVmaMappedWalk(cpu, page, { mm, vma, start: vpn, end: vpn + 1 }, false);
  if (pte === NO_PAGE) return undefined;
  const exclusive = yield* isExclusive(cpu, page);
  const index = leafIndex(cpu.geometry, vpn);
  const word = pteWord(cpu, pte, index);
  if (cpu.at(PROTECTS, word)) yield;
  const hi = pteLoadHigh(cpu, pte, index);
  let entry: PteLo | undefined = pteLoad(cpu, pte, index);
  if (yield* kernel.ksmNeedsFlush(cpu, mm, entry, exclusive)) {
    const old = yield* kernel.ptepClearFlush(cpu, at, pte);
    if (yield* isHeld(cpu, page)) {
      if (cpu.at(COMES_BACK, word)) yield;
      pteStore(cpu, pte, index, old, hi);
      entry = undefined;
    } else {
      if (exclusive) yield* kernel.folioTryShareAnonRmapPte(cpu, page);
      if ((old & PTE_D) !== 0) yield* kernel.folioMarkDirty(cpu, page);
      entry = (old & ~(PTE_RW | PTE_D)) as PteLo;
      if (cpu.at(SETS_READONLY, word)) yield;
      pteStore(cpu, pte, index, entry, hi);
    }
  }
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return entry;
}

/**
 * Linux: the condition of write_protect_page(): an entry that looks read-only and clean may have been made so by somebody whose
 * flush is still to come (commit b3a81d0841a9). Caller holds the PTL.
 */
export function* ksmNeedsFlush(cpu: Cpu, mm: MmId, entry: PteLo, exclusive: boolean): Path<boolean> {
  if ((entry & (PTE_RW | PTE_D)) !== 0 || exclusive) return true;
  const { tlbFlushPending } = cpu.mm;
  if (cpu.at(PENDING, tlbFlushPending.at(mm))) yield;
  return tlbFlushPending.load(mm) > 0;
}

/** Linux: folio_mapcount() + 1 + swapped != folio_ref_count(): pages in the swap cache have been given up before. */
function* isHeld(cpu: Cpu, page: Pfn): Path<boolean> {
  const { mapcount, refcount, swap } = cpu.folio;
  if (cpu.at(MAPPINGS, mapcount.at(page))) yield;
  const mappings = mapcount.load(page);
  if (cpu.at(REFERENCES, refcount.at(page))) yield;
  return mappings + 1 + (swap.load(page) !== NO_SLOT ? 1 : 0) !== refcount.load(page);
}

/**
 * The entry that `origPte` says leads to the KSM page from now on. False if it has changed. Caller holds the folio lock of the old
 * page and mmap_lock for reading; both pages hold the same and can be written to by nobody.
 */
export function* replacePage(
  cpu: Cpu,
  at: KsmPlace,
  { page, kpage, origPte }: { page: Pfn; kpage: Pfn; origPte: PteLo },
): Path<boolean> {
  const { kernel } = cpu;
  const { mm, vma, vpn } = at;
  const pmd = yield* kernel.walkToPmd(cpu, tableWalk(cpu, mm), vpn);
  const pte = pmd === NO_PAGE ? NO_PAGE : yield* kernel.pteOffsetMapLock(cpu, pmd, vpn);
  if (pte === NO_PAGE) return false;
  const index = leafIndex(cpu.geometry, vpn);
  const word = pteWord(cpu, pte, index);
  if (cpu.at(SAME_CHECK, word)) yield;
  const same = pteLoad(cpu, pte, index) === origPte;
  if (same) {
    yield* kernel.folioGet(cpu, kpage);
    yield* kernel.folioAddAnonRmapPte(cpu, kpage, RMAP_NONE);
    yield* kernel.ptepClearFlush(cpu, at, pte);
    const flags = vmaFlags(cpu, vma);
    if (cpu.at(STABLE_SETS, word)) yield;
    pteStore(cpu, pte, index, ((kpage << 12) | protLo(flags)) as PteLo, protHi(flags));
    yield* kernel.folioRemoveRmapPte(cpu, page, OLD_UNMAPS);
    yield* kernel.freeSwapCache(cpu, page);
    yield* kernel.folioPut(cpu, page);
  }
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return same;
}
