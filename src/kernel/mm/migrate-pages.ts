/** Linux: mm/migrate.c migrate_pages(): the passes of each mode, and where new frames come from. */
import type { Pfn } from '../../hardware/types.ts';
import { combined } from '../../memory/combined.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { OWNER_USER } from '../observer.ts';
import { MIGRATE_ASYNC } from '../types.ts';
import type { CompactControl } from './compaction.ts';
import type { Migration } from './migrate.ts';

/** Linux: migrate_pages(): those that stay where they are, isolated as before. The isolation of the others ends. */
export function* migratePages(cpu: Cpu, folios: readonly Pfn[], how: Migration): Path<Pfn[]> {
  if (how.mode === MIGRATE_ASYNC) return yield* cpu.kernel.migratePagesBatch(cpu, folios, how);
  return yield* cpu.kernel.migratePagesSync(cpu, folios, how);
}

/**
 * Linux: migrate_pages_sync(): all of them asynchronously first, with one flush; then those that stayed one by one, for which it
 * waits. If there were not frames for all, there is no second pass.
 */
export function* migratePagesSync(cpu: Cpu, folios: readonly Pfn[], how: Migration): Path<Pfn[]> {
  const { kernel } = cpu;
  const left = yield* kernel.migratePagesBatch(cpu, folios, combined(how, { mode: MIGRATE_ASYNC }));
  const kept: Pfn[] = [];
  for (const folio of left) {
    if (how.cc?.outOfFrames) kept.push(folio);
    else kept.push(...(yield* kernel.migratePagesBatch(cpu, [folio], how)));
  }
  return kept;
}

/** Linux: get_new_folio(): a frame with one reference, or NO_PAGE. */
export function* getNewFolio(cpu: Cpu, { node, gfp, cc }: Migration): Path<Pfn> {
  if (cc !== undefined) return yield* cpu.kernel.compactionAlloc(cpu, cc);
  return yield* cpu.kernel.allocPagesNode(cpu, OWNER_USER, node, gfp);
}

/** Linux: put_new_folio(): a frame to which no folio moved after all. Caller has unlocked it. */
export function* putNewFolio(cpu: Cpu, dst: Pfn, cc: CompactControl | undefined): Path<void> {
  if (cc !== undefined) yield* cpu.kernel.compactionFree(cpu, cc, dst);
  else yield* cpu.kernel.folioPut(cpu, dst);
}
