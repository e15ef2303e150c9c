/** LUF in reclaim and migration, where v11 and v12 are the same: folios whose flush may wait are kept apart from the others. */
import type { Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { Migration, Move } from '../kernel/mm/migrate.ts';
import type { ReclaimBatch } from '../kernel/mm/vmscan.ts';
import type { TaskId } from '../kernel/types.ts';
import type { Path } from '../memory/point.ts';
import type { Column } from '../memory/table.ts';

/** free_folios and free_folios_luf of shrink_folio_list(). */
export interface LufReclaimBatch extends ReclaimBatch {
  readonly foliosLuf: Pfn[];
}

/** Words of the task that stand for results and arguments of the published functions. */
interface ApartWords {
  /** What the last walk over the mappings of a folio has returned. */
  readonly eligible: Column<TaskId>;
  /** Under what migrate_folio_done() frees: a generation (v11) or a key (v12), or 0. */
  readonly moveDebt: Column<TaskId>;
}

export function* reclaimBatchInit(_cpu: Cpu): Path<LufReclaimBatch> {
  return { folios: [], foliosLuf: [] };
}

/** What the last walk of this task found, forgotten with the answer: can_luf of the callers is false unless there was a walk. */
export function takeEligible(cpu: Cpu, { eligible }: ApartWords): boolean {
  const is = eligible.own(cpu.current) !== 0;
  eligible.put(cpu.current, 0);
  return is;
}

/** Frees a frame under what it owes. */
type FreeOwing = (cpu: Cpu, pfn: Pfn, debt: number) => Path<void>;

/** Linux: free_it: of shrink_folio_list(), a folio that is not eligible. A full list is flushed and freed. */
export function* addApart(cpu: Cpu, { folios }: ReclaimBatch, folio: Pfn, free: FreeOwing): Path<void> {
  folios.push(folio);
  if (folios.length < cpu.geometry.reclaimBatch) return;
  yield* cpu.kernel.tryToUnmapFlush(cpu);
  yield* freeAll(cpu, folios, 0, free);
}

/** Linux: the end of shrink_folio_list(): the flush of what is not put off, then both lists, the eligible one under its debt. */
export function* freeApart(cpu: Cpu, batch: ReclaimBatch, debt: number, free: FreeOwing): Path<void> {
  const { folios, foliosLuf } = batch as LufReclaimBatch;
  yield* cpu.kernel.tryToUnmapFlush(cpu);
  yield* freeAll(cpu, folios, 0, free);
  yield* freeAll(cpu, foliosLuf, debt, free);
}

/** Linux: free_unref_folios(). */
export function* freeAll(cpu: Cpu, folios: Pfn[], debt: number, free: FreeOwing): Path<void> {
  for (const folio of folios.splice(0)) yield* free(cpu, folio, debt);
}

/**
 * Linux: migrate_pages_batch(): the others move first, then the eligible ones. migrateUnmapDone() leaves in the task what the
 * eligible ones owe, and migrateFolioDone() finds it there.
 */
export function* migrateApart(cpu: Cpu, words: ApartWords, folios: readonly Pfn[], how: Migration): Path<Pfn[]> {
  const { kernel } = cpu;
  const { moveDebt } = words;
  const moves: Move[] = [];
  const movesLuf: Move[] = [];
  const kept: Pfn[] = [];
  for (const src of folios) {
    takeEligible(cpu, words);
    const move = yield* kernel.migrateFolioUnmap(cpu, src, how);
    const canLuf = takeEligible(cpu, words);
    if (move === undefined) kept.push(src);
    else if (canLuf) movesLuf.push(move);
    else moves.push(move);
  }
  yield* kernel.migrateUnmapDone(cpu, movesLuf);
  const debt = moveDebt.own(cpu.current);
  moveDebt.put(cpu.current, 0);
  for (const move of moves) if (!(yield* kernel.migrateFolioMove(cpu, move))) kept.push(move.src);
  moveDebt.put(cpu.current, debt);
  for (const move of movesLuf) if (!(yield* kernel.migrateFolioMove(cpu, move))) kept.push(move.src);
  moveDebt.put(cpu.current, 0);
  return kept;
}
