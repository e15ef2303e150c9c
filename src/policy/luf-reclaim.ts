/**
 * LUF in reclaim and migration (v11, mm/vmscan.c and mm/migrate.c): folios whose flush may wait are kept apart from the others,
 * and freed with the generation under which it is owed.
 */
import type { Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import type { Migration, Move } from '../kernel/mm/migrate.ts';
import type { ReclaimBatch } from '../kernel/mm/vmscan.ts';
import type { Path } from '../memory/point.ts';
import { folioPutUgen, freeUnrefPageUgen } from './luf-alloc.ts';
import { addApart, freeAll, freeApart, type LufReclaimBatch, migrateApart, takeEligible } from './luf-apart.ts';
import { canLufInit, foldWalk } from './luf-batch.ts';
import { tryToUnmapLuf } from './luf-coordinator.ts';
import { LUF_TASK } from './luf-tables.ts';

/** Linux: try_to_unmap(). Whether the folio is eligible is left in the task. */
export function* tryToUnmap(cpu: Cpu, folio: Pfn, flags: number): Path<void> {
  canLufInit(cpu);
  yield* MAINLINE.tryToUnmap(cpu, folio, flags);
  foldWalk(cpu);
}

/** Linux: try_to_migrate(). */
export function* tryToMigrate(cpu: Cpu, folio: Pfn, flags: number): Path<void> {
  canLufInit(cpu);
  yield* MAINLINE.tryToMigrate(cpu, folio, flags);
  foldWalk(cpu);
}

export function* shrinkFolio(cpu: Cpu, folio: Pfn): Path<boolean> {
  takeEligible(cpu, cpu.wordsOf(LUF_TASK));
  const gone = yield* MAINLINE.shrinkFolio(cpu, folio);
  if (!gone) takeEligible(cpu, cpu.wordsOf(LUF_TASK));
  return gone;
}

/** Linux: free_it: of shrink_folio_list(). A list that is full goes at once. */
export function* reclaimedAdd(cpu: Cpu, batch: ReclaimBatch, folio: Pfn): Path<void> {
  if (!takeEligible(cpu, cpu.wordsOf(LUF_TASK))) return yield* addApart(cpu, batch, folio, freeUnrefPageUgen);
  const { foliosLuf } = batch as LufReclaimBatch;
  foliosLuf.push(folio);
  if (foliosLuf.length < cpu.geometry.reclaimBatch) return;
  const ugen = yield* tryToUnmapLuf(cpu);
  if (ugen === 0) yield* cpu.kernel.tryToUnmapFlush(cpu);
  yield* freeAll(cpu, foliosLuf, ugen, freeUnrefPageUgen);
}

/** Linux: the end of shrink_folio_list(). */
export function* freeReclaimed(cpu: Cpu, batch: ReclaimBatch): Path<void> {
  yield* freeApart(cpu, batch, yield* tryToUnmapLuf(cpu), freeUnrefPageUgen);
}

/** Linux: migrate_pages_batch(). */
export function* migratePagesBatch(cpu: Cpu, folios: readonly Pfn[], how: Migration): Path<Pfn[]> {
  return yield* migrateApart(cpu, cpu.wordsOf(LUF_TASK), folios, how);
}

/** Linux: try_to_unmap_luf() and try_to_unmap_flush() between unmapping the list and moving it. */
export function* migrateUnmapDone(cpu: Cpu, _moves: readonly Move[]): Path<void> {
  cpu.wordsOf(LUF_TASK).moveDebt.put(cpu.current, yield* tryToUnmapLuf(cpu));
  yield* cpu.kernel.tryToUnmapFlush(cpu);
}

/** Linux: migrate_folio_done(). */
export function* migrateFolioDone(cpu: Cpu, src: Pfn): Path<void> {
  const ugen = cpu.wordsOf(LUF_TASK).moveDebt.own(cpu.current);
  if (ugen !== 0) yield* folioPutUgen(cpu, src, ugen);
  else yield* cpu.kernel.folioPut(cpu, src);
}
