/**
 * Linux: mm/rmap.c, the folio's side: how many page-table entries map it, and whether one may write to it. The walk to them is
 * in rmap-walk.ts.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, type Point, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type MmId, NO_ANON_VMA, NO_SLOT } from '../types.ts';
import { PG_ANON, PG_ANON_EXCLUSIVE, PG_LRU } from './folio.ts';

export const NOT_ANON = point('folioAddNewAnonRmap: new folio, not yet anonymous');
export const ANON = point('folioAddNewAnonRmap: anonymous and exclusive, not yet counted as mapped');
export const ANON_COUNTS = point('folioAddAnonRmapPte: folio referenced, mapping to be counted');
export const BECOMES_EXCLUSIVE = point('folioAddAnonRmapPte: counted, to be marked exclusive');
export const IS_EXCLUSIVE = point('pageAnonExclusive: is the page exclusive?');
export const NOT_EXCLUSIVE = point('folioTryShareAnonRmapPte: entry cleared, exclusive mark to be cleared');
export const SHARES = point('folioTryDupAnonRmap: parent mapping found, exclusive mark to be cleared');
export const SHARED = point('folioTryDupAnonRmap: no longer exclusive, child mapping not yet counted');

/** Linux: rmap_t. */
export const RMAP_NONE = 0;
export const RMAP_EXCLUSIVE = 1;

/** Which page of which address space an entry maps; `pgoff` as linear_page_index() has it. */
export interface AnonPlace {
  readonly mm: MmId;
  readonly pgoff: number;
}

/**
 * Linux: folio_add_new_anon_rmap() and folio_add_lru_vma(): from here on the folio can be found and isolated, so Linux' several
 * marks are one step. Caller holds the PTL of the entry that will map the folio.
 */
export function* folioAddNewAnonRmap(cpu: Cpu, pfn: Pfn, { mm, pgoff }: AnonPlace, rmapFlags: number): Path<void> {
  const { folio } = cpu;
  const anonVma = cpu.mm.anonVma.load(mm);
  if (cpu.at(NOT_ANON, folio.flags.at(pfn))) yield;
  folio.flags.or(pfn, PG_ANON | PG_LRU | (rmapFlags === RMAP_EXCLUSIVE ? PG_ANON_EXCLUSIVE : 0));
  if (anonVma !== NO_ANON_VMA) {
    folio.anonVma.store(pfn, anonVma);
    folio.anonIndex.store(pfn, pgoff);
  }
  if (cpu.at(ANON, folio.mapcount.at(pfn))) yield;
  const former = folio.mapcount.add(pfn, 1);
  if (former !== 0) cpu.bug(`new folio 0x${pfn.toString(16)} mapped with mapcount ${former}`);
}

/** Linux: folio_test_anon(). Never changes while the folio is in use; false on machines without swap, where nobody asks. */
export function folioTestAnon(cpu: Cpu, pfn: Pfn): boolean {
  return cpu.folio.anonVma.load(pfn) !== NO_ANON_VMA;
}

/** An anonymous folio, or one that will be: it was read from swap and is not mapped yet. Caller holds the folio lock. */
export function isAnon(cpu: Cpu, folio: Pfn): boolean {
  return folioTestAnon(cpu, folio) || cpu.folio.swap.load(folio) !== NO_SLOT;
}

/** Linux: folio_add_anon_rmap_pte(): one more entry maps a folio that is anonymous already. Caller holds the PTL. */
export function* folioAddAnonRmapPte(cpu: Cpu, pfn: Pfn, rmapFlags: number): Path<void> {
  const { folio } = cpu;
  if (cpu.at(ANON_COUNTS, folio.mapcount.at(pfn))) yield;
  folio.mapcount.add(pfn, 1);
  if (rmapFlags !== RMAP_EXCLUSIVE) return;
  if (cpu.at(BECOMES_EXCLUSIVE, folio.flags.at(pfn))) yield;
  folio.flags.or(pfn, PG_ANON_EXCLUSIVE);
}

/** Linux: folio_test_anon() and PageAnonExclusive(). Caller holds the PTL of an entry that maps the folio. */
export function* pageAnonExclusive(cpu: Cpu, pfn: Pfn): Path<boolean> {
  return folioTestAnon(cpu, pfn) && (yield* isExclusive(cpu, pfn));
}

/** The same of a page that is anonymous or of a file, on any machine. */
export function* isExclusive(cpu: Cpu, pfn: Pfn): Path<boolean> {
  if (cpu.at(IS_EXCLUSIVE, cpu.folio.flags.at(pfn))) yield;
  return (cpu.folio.flags.load(pfn) & PG_ANON_EXCLUSIVE) !== 0;
}

/** Linux: folio_try_share_anon_rmap_pte(), of an exclusive folio whose entry has just been cleared; nothing pins folios. */
export function* folioTryShareAnonRmapPte(cpu: Cpu, pfn: Pfn): Path<void> {
  if (cpu.at(NOT_EXCLUSIVE, cpu.folio.flags.at(pfn))) yield;
  cpu.folio.flags.and(pfn, ~PG_ANON_EXCLUSIVE);
}

/** Linux: folio_try_dup_anon_rmap_pte(), for fork. Caller holds the PTLs of parent and child entry. */
export function* folioTryDupAnonRmap(cpu: Cpu, pfn: Pfn): Path<void> {
  const { folio } = cpu;
  if (cpu.at(SHARES, folio.flags.at(pfn))) yield;
  folio.flags.and(pfn, ~PG_ANON_EXCLUSIVE);
  if (cpu.at(SHARED, folio.mapcount.at(pfn))) yield;
  folio.mapcount.add(pfn, 1);
}

/** Linux: folio_add_file_rmap_pte(). Caller holds the PTL; `now` says what is true at this moment. */
export function* folioAddFileRmapPte(cpu: Cpu, pfn: Pfn, now: Point): Path<void> {
  if (cpu.at(now, cpu.folio.mapcount.at(pfn))) yield;
  cpu.folio.mapcount.add(pfn, 1);
}

/** Linux: folio_remove_rmap_pte(). Caller holds the PTL; `now` says what is true at this moment. */
export function* folioRemoveRmapPte(cpu: Cpu, pfn: Pfn, now: Point): Path<void> {
  const { mapcount } = cpu.folio;
  if (cpu.at(now, mapcount.at(pfn))) yield;
  const former = mapcount.add(pfn, -1);
  if (former <= 0) cpu.bug(`folio 0x${pfn.toString(16)} unmapped with mapcount ${former}`);
}
