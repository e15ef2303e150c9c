/**
 * Linux: mm/rmap.c folio_referenced() and mm/vmscan.c folio_check_references(): reclaim spares folios that were used since it looked
 * last. x86 clears A without a flush, so that a page whose translation stays cached looks unused: a wrong guess, no wrong access.
 */
import { PTE_A, pteCas, pteLoad, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { RmapPlace } from './i-mmap.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex } from './pgtable.ts';

export const YOUNG_CHECK = point('folioReferencedOne: entry found, was it used?');
export const GROWS_OLD = point('folioReferencedOne: entry used, A to be cleared');

/**
 * Puts those back on the list that were used lately; returns the others. A locked folio is for reclaim to meet. Caller isolated
 * them.
 */
export function* dropReferenced(cpu: Cpu, folios: readonly Pfn[]): Path<Pfn[]> {
  const { kernel } = cpu;
  const old: Pfn[] = [];
  for (const folio of folios) {
    let used = false;
    if (yield* kernel.folioTrylock(cpu, folio)) {
      used = (yield* kernel.folioMapped(cpu, folio)) && (yield* kernel.folioReferenced(cpu, folio));
      yield* kernel.folioUnlock(cpu, folio);
    }
    if (used) yield* kernel.folioPutbackLru(cpu, folio);
    else old.push(folio);
  }
  return old;
}

/** Linux: folio_referenced(). Caller holds the folio lock. */
export function* folioReferenced(cpu: Cpu, folio: Pfn): Path<boolean> {
  let used = false;
  yield* cpu.kernel.rmapWalkFile(cpu, folio, function* (c, f, place) {
    if (yield* c.kernel.folioReferencedOne(c, f, place)) used = true;
    return true;
  });
  return used;
}

/** Linux: folio_referenced_one() and ptep_test_and_clear_young(): hardware may set D meanwhile, so the bit is taken out alone. */
export function* folioReferencedOne(cpu: Cpu, folio: Pfn, place: RmapPlace): Path<boolean> {
  const { kernel } = cpu;
  const pte = yield* kernel.pageVmaMappedWalk(cpu, folio, place, false);
  if (pte === NO_PAGE) return false;
  const index = leafIndex(cpu.geometry, place.start as Vpn);
  const word = pteWord(cpu, pte, index);
  if (cpu.at(YOUNG_CHECK, word)) yield;
  const seen = pteLoad(cpu, pte, index);
  const used = (seen & PTE_A) !== 0;
  let held = seen;
  for (let left = used; left; ) {
    if (cpu.at(GROWS_OLD, word)) yield;
    const now = pteCas(cpu, pte, index, held, (held & ~PTE_A) as PteLo);
    left = now !== held;
    held = now;
  }
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return used;
}
