/**
 * Linux: mm/compaction.c isolate_migratepages(): the lower scanner. It looks at frame after frame without a lock, takes a reference
 * on what seems worth moving, looks again, and isolates it.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { MIGRATE_ASYNC } from '../types.ts';
import { type CompactControl, pageblockEnd } from './compaction.ts';
import { PG_ANON, PG_DIRTY, PG_LRU, PG_SWAPCACHE, PG_WRITEBACK } from './folio.ts';

export const LRU_LOOK = point('isolateMigratepagesBlock: is a folio of the lists in the frame?');
export const MAPPING_LOOK = point('isolateMigratepagesBlock: folio referenced, does a cache hold it?');
export const REFS_READ = point('isolateMigratepagesBlock: no cache holds it, how many references has it?');
export const MAPCOUNT_READ = point('isolateMigratepagesBlock: references known, how many mappings has it?');
export const LRU_RECHECK = point('isolateMigratepagesBlock: may be moved, is it still on the lists?');

/** The folios of the first pageblock that is not looked at yet; none above the other scanner. */
export function* isolateMigratepages(cpu: Cpu, cc: CompactControl): Path<Pfn[]> {
  const end = pageblockEnd(cpu, cc.migratePfn);
  return end <= cc.freePfn ? yield* cpu.kernel.isolateMigratepagesBlock(cpu, cc, end) : [];
}

/** Linux: isolate_migratepages_block(): folios of [cc.migratePfn, end), each with a reference of the caller. */
export function* isolateMigratepagesBlock(cpu: Cpu, cc: CompactControl, end: number): Path<Pfn[]> {
  const { kernel } = cpu;
  const folios: Pfn[] = [];
  for (let pfn = cc.migratePfn as Pfn; pfn < end; pfn++) {
    // a free frame has no marks, so this passes over those, too (Linux: PageBuddy())
    if (cpu.at(LRU_LOOK, cpu.folio.flags.at(pfn))) yield;
    if ((cpu.folio.flags.load(pfn) & PG_LRU) === 0 || !(yield* kernel.folioTryGet(cpu, pfn))) continue;
    if ((yield* kernel.mayMigrate(cpu, cc, pfn)) && (yield* kernel.folioIsolateLru(cpu, pfn))) {
      folios.push(pfn);
      cc.nrMigratepages++;
    } else yield* kernel.folioPut(cpu, pfn);
  }
  cc.migratePfn = end;
  return folios;
}

/**
 * The checks of isolate_migratepages_block() between reference and isolation; none is final. Not for what anybody holds beside its
 * mappings, if no cache holds it; and in asynchronous mode not for what would block. A folio that truncation has just taken out
 * of its file counts as held by it: Linux reads the mapping without the folio lock, which guards it here.
 */
export function* mayMigrate(cpu: Cpu, { mode }: CompactControl, folio: Pfn): Path<boolean> {
  const { kernel } = cpu;
  const { flags, refcount, mapcount } = cpu.folio;
  if (cpu.at(MAPPING_LOOK, flags.at(folio))) yield;
  if ((flags.load(folio) & (PG_ANON | PG_SWAPCACHE)) === PG_ANON) {
    if (cpu.at(REFS_READ, refcount.at(folio))) yield;
    const references = refcount.load(folio);
    if (cpu.at(MAPCOUNT_READ, mapcount.at(folio))) yield;
    if (references - 1 > mapcount.load(folio)) return false;
  }
  if (cpu.at(LRU_RECHECK, flags.at(folio))) yield;
  const marks = flags.load(folio);
  if ((marks & PG_LRU) === 0) return false;
  if (mode !== MIGRATE_ASYNC) return true;
  if ((marks & PG_WRITEBACK) !== 0) return false;
  if ((marks & PG_DIRTY) === 0) return true;
  // Linux looks under the lock whether the file system can move dirty folios; this one can
  if (!(yield* kernel.folioTrylock(cpu, folio))) return false;
  yield* kernel.folioUnlock(cpu, folio);
  return true;
}
