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
import { canLufInit, foldWalk } from './luf-batch.ts';
import { tryToUnmapLuf } from './luf-coordinator.ts';
import { LUF_TASK } from './luf-tables.ts';

/** free_folios and free_folios_luf of shrink_folio_list(). */
interface LufReclaimBatch extends ReclaimBatch {
  readonly foliosLuf: Pfn[];
}

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

/** What the last walk of this task found, forgotten with the answer: can_luf of the callers is false unless there was a walk. */
function takeEligible(cpu: Cpu): boolean {
  const { eligible } = cpu.wordsOf(LUF_TASK);
  const is = eligible.own(cpu.current) !== 0;
  eligible.put(cpu.current, 0);
  return is;
}

export function* reclaimBatchInit(_cpu: Cpu): Path<LufReclaimBatch> {
  return { folios: [], foliosLuf: [] };
}

export function* shrinkFolio(cpu: Cpu, folio: Pfn): Path<boolean> {
  takeEligible(cpu);
  const gone = yield* MAINLINE.shrinkFolio(cpu, folio);
  if (!gone) takeEligible(cpu);
  return gone;
}

/** Linux: free_it: of shrink_folio_list(). A list that is full goes at once. */
export function* reclaimedAdd(cpu: Cpu, batch: ReclaimBatch, folio: Pfn): Path<void> {
  const { folios, foliosLuf } = batch as LufReclaimBatch;
  const { reclaimBatch } = cpu.geometry;
  if (takeEligible(cpu)) {
    foliosLuf.push(folio);
    if (foliosLuf.length < reclaimBatch) return;
    const ugen = yield* tryToUnmapLuf(cpu);
    if (ugen === 0) yield* cpu.kernel.tryToUnmapFlush(cpu);
    yield* freeUnrefFolios(cpu, foliosLuf, ugen);
    return;
  }
  folios.push(folio);
  if (folios.length < reclaimBatch) return;
  yield* cpu.kernel.tryToUnmapFlush(cpu);
  yield* freeUnrefFolios(cpu, folios, 0);
}

/** Linux: the end of shrink_folio_list(). */
export function* freeReclaimed(cpu: Cpu, batch: ReclaimBatch): Path<void> {
  const { folios, foliosLuf } = batch as LufReclaimBatch;
  const ugen = yield* tryToUnmapLuf(cpu);
  yield* cpu.kernel.tryToUnmapFlush(cpu);
  yield* freeUnrefFolios(cpu, folios, 0);
  yield* freeUnrefFolios(cpu, foliosLuf, ugen);
}

function* freeUnrefFolios(cpu: Cpu, folios: Pfn[], ugen: number): Path<void> {
  for (const folio of folios.splice(0)) yield* freeUnrefPageUgen(cpu, folio, ugen);
}

/** Linux: migrate_pages_batch(): the others move first, then the eligible ones. */
export function* migratePagesBatch(cpu: Cpu, folios: readonly Pfn[], how: Migration): Path<Pfn[]> {
  const { kernel } = cpu;
  const { moveUgen } = cpu.wordsOf(LUF_TASK);
  const moves: Move[] = [];
  const movesLuf: Move[] = [];
  const kept: Pfn[] = [];
  for (const src of folios) {
    takeEligible(cpu);
    const move = yield* kernel.migrateFolioUnmap(cpu, src, how);
    const canLuf = takeEligible(cpu);
    if (move === undefined) kept.push(src);
    else if (canLuf) movesLuf.push(move);
    else moves.push(move);
  }
  // leaves the generation in the task
  yield* kernel.migrateUnmapDone(cpu, movesLuf);
  const ugen = moveUgen.own(cpu.current);
  moveUgen.put(cpu.current, 0);
  for (const move of moves) if (!(yield* kernel.migrateFolioMove(cpu, move))) kept.push(move.src);
  moveUgen.put(cpu.current, ugen);
  for (const move of movesLuf) if (!(yield* kernel.migrateFolioMove(cpu, move))) kept.push(move.src);
  moveUgen.put(cpu.current, 0);
  return kept;
}

/** Linux: try_to_unmap_luf() and try_to_unmap_flush() between unmapping the list and moving it. */
export function* migrateUnmapDone(cpu: Cpu, _moves: readonly Move[]): Path<void> {
  cpu.wordsOf(LUF_TASK).moveUgen.put(cpu.current, yield* tryToUnmapLuf(cpu));
  yield* cpu.kernel.tryToUnmapFlush(cpu);
}

/** Linux: migrate_folio_done(). */
export function* migrateFolioDone(cpu: Cpu, src: Pfn): Path<void> {
  const ugen = cpu.wordsOf(LUF_TASK).moveUgen.own(cpu.current);
  if (ugen !== 0) yield* folioPutUgen(cpu, src, ugen);
  else yield* cpu.kernel.folioPut(cpu, src);
}
