/** Linux: mm/rmap.c, counting only: how many page-table entries map a folio. The walk to them is in rmap-walk.ts. */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, type Point, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { PG_ANON, PG_ANON_EXCLUSIVE } from './folio.ts';

export const NOT_ANON = point('folioAddNewAnonRmap: new folio, not yet anonymous');
export const ANON = point('folioAddNewAnonRmap: anonymous and exclusive, not yet counted as mapped');
export const SHARES = point('folioTryDupAnonRmap: parent mapping found, exclusive mark to be cleared');
export const SHARED = point('folioTryDupAnonRmap: no longer exclusive, child mapping not yet counted');

/** Linux: folio_add_new_anon_rmap(RMAP_EXCLUSIVE). Caller holds the PTL of the entry that will map the folio. */
export function* folioAddNewAnonRmap(cpu: Cpu, pfn: Pfn): Path<void> {
  const { folio } = cpu;
  if (cpu.at(NOT_ANON, folio.flags.at(pfn))) yield;
  folio.flags.or(pfn, PG_ANON | PG_ANON_EXCLUSIVE);
  if (cpu.at(ANON, folio.mapcount.at(pfn))) yield;
  const former = folio.mapcount.add(pfn, 1);
  if (former !== 0) cpu.bug(`new folio 0x${pfn.toString(16)} mapped with mapcount ${former}`);
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
