/**
 * Linux: mm/vmscan.c folio_isolate_lru(), folio_putback_lru(): whoever takes a folio off the LRU list has it alone for reclaim
 * or migration, until it is put back. The lists themselves are not modelled.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { FileId } from '../types.ts';
import { PG_LRU } from './folio.ts';
import { NO_PAGE } from './page-alloc.ts';

export const JOINS = point('folioAddLru: folio to be put on the list');
export const ISOLATES = point('folioIsolateLru: folio to be taken off the list');

/** Linux: folio_add_lru(). Caller holds a reference. */
export function* folioAddLru(cpu: Cpu, folio: Pfn): Path<void> {
  if (cpu.at(JOINS, cpu.folio.flags.at(folio))) yield;
  cpu.folio.flags.or(folio, PG_LRU);
}

/** Linux: folio_isolate_lru(): false if somebody else has it. The caller's reference stands for the isolation then. */
export function* folioIsolateLru(cpu: Cpu, folio: Pfn): Path<boolean> {
  if (cpu.at(ISOLATES, cpu.folio.flags.at(folio))) yield;
  return (cpu.folio.flags.and(folio, ~PG_LRU) & PG_LRU) !== 0;
}

/** Linux: folio_putback_lru(). */
export function* folioPutbackLru(cpu: Cpu, folio: Pfn): Path<void> {
  yield* cpu.kernel.folioAddLru(cpu, folio);
  yield* cpu.kernel.folioPut(cpu, folio);
}

/** Isolates up to a batch of cached pages of [first, end) of the file; `next` is the first page not looked at. */
export function* isolateRange(
  cpu: Cpu,
  file: FileId,
  first: number,
  end: number,
): Path<{ folios: Pfn[]; next: number }> {
  const { kernel } = cpu;
  const folios: Pfn[] = [];
  let next = first;
  for (; next < end && folios.length < cpu.geometry.reclaimBatch; next++) {
    const folio = yield* kernel.filemapGetFolio(cpu, file, next);
    if (folio === NO_PAGE) continue;
    if (yield* kernel.folioIsolateLru(cpu, folio)) folios.push(folio);
    else yield* kernel.folioPut(cpu, folio);
  }
  return { folios, next };
}
