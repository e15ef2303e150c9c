/** LUF v12 in reclaim and migration (mm/vmscan.c, mm/migrate.c): folios whose flush may wait are freed with a key. */
import type { Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import type { Migration, Move } from '../kernel/mm/migrate.ts';
import type { ReclaimBatch } from '../kernel/mm/vmscan.ts';
import { type Path, point } from '../memory/point.ts';
import { addApart, freeApart, type LufReclaimBatch, migrateApart, takeEligible } from './luf-apart.ts';
import { freeFrozenPages } from './luf12-alloc.ts';
import { lufFlush } from './luf12-flush.ts';
import { foldUnmapLuf } from './luf12-record.ts';
import { LUF12_TASK } from './luf12-tables.ts';

export const PUTS = point('luf migrateFolioDone: last reference of the old folio to be dropped');

/** can_luf of the body of shrink_folio_list() is false unless there was a walk. */
export function* shrinkFolio(cpu: Cpu, folio: Pfn): Path<boolean> {
  takeEligible(cpu, cpu.wordsOf(LUF12_TASK));
  return yield* MAINLINE.shrinkFolio(cpu, folio);
}

/** Linux: keep: of shrink_folio_list(): an eligible folio kept after all has nobody to carry its debt. */
export function* keepFolio(cpu: Cpu, kept: Pfn[], folio: Pfn): Path<void> {
  yield* MAINLINE.keepFolio(cpu, kept, folio);
  if (takeEligible(cpu, cpu.wordsOf(LUF12_TASK))) yield* lufFlush(cpu, yield* foldUnmapLuf(cpu));
}

/** Linux: free_it: of shrink_folio_list(). A full list of eligible folios takes the others along. */
export function* reclaimedAdd(cpu: Cpu, batch: ReclaimBatch, folio: Pfn): Path<void> {
  if (!takeEligible(cpu, cpu.wordsOf(LUF12_TASK))) return yield* addApart(cpu, batch, folio, freeFrozenPages);
  const { foliosLuf } = batch as LufReclaimBatch;
  foliosLuf.push(folio);
  if (foliosLuf.length >= cpu.geometry.reclaimBatch) yield* cpu.kernel.freeReclaimed(cpu, batch);
}

/** Linux: a full list of eligible folios, and the end of shrink_folio_list(). */
export function* freeReclaimed(cpu: Cpu, batch: ReclaimBatch): Path<void> {
  yield* freeApart(cpu, batch, yield* foldUnmapLuf(cpu), freeFrozenPages);
}

/** Linux: migrate_pages_batch(). */
export function* migratePagesBatch(cpu: Cpu, folios: readonly Pfn[], how: Migration): Path<Pfn[]> {
  return yield* migrateApart(cpu, cpu.wordsOf(LUF12_TASK), folios, how);
}

/** Linux: fold_unmap_luf() and try_to_unmap_flush() between unmapping the list and moving it. */
export function* migrateUnmapDone(cpu: Cpu, _moves: readonly Move[]): Path<void> {
  cpu.wordsOf(LUF12_TASK).moveDebt.put(cpu.current, yield* foldUnmapLuf(cpu));
  yield* cpu.kernel.tryToUnmapFlush(cpu);
}

/**
 * Linux: migrate_folio_done(). As published: with a key the folio is freed even if somebody else holds a reference, with a
 * warning.
 */
export function* migrateFolioDone(cpu: Cpu, src: Pfn): Path<void> {
  const key = cpu.wordsOf(LUF12_TASK).moveDebt.own(cpu.current);
  if (key === 0) {
    yield* MAINLINE.migrateFolioDone(cpu, src);
    return;
  }
  const { refcount } = cpu.folio;
  if (cpu.at(PUTS, refcount.at(src))) yield;
  const former = refcount.add(src, -1);
  if (former <= 0) cpu.bug(`folio 0x${src.toString(16)} put with refcount ${former}`);
  yield* freeFrozenPages(cpu, src, key);
}
