/**
 * Linux: mm/rmap.c rmap_walk() and mm/page_vma_mapped.c: from a folio to the entries that map it. Callers hold the folio lock,
 * which keeps mapping and index; taken here is i_mmap_rwsem or the rwsem of the anon_vma, which keeps VMAs and tables.
 */
import { pteLoad, ptePfn, pteWord } from '../../hardware/pte.ts';
import type { Pfn, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type AnonVmaId, type FileId, NO_FILE } from '../types.ts';
import { iMmapOf, type RmapPlace, rbRootOf } from './i-mmap.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex, tableWalk } from './pgtable.ts';
import { isMigrationOf, pteMapped, vmNormalPage } from './pte-prot.ts';
import { folioTestAnon } from './rmap.ts';

export const ENTRY_CHECK = point('pageVmaMappedWalk: PTL taken, does the entry map the folio?');

/** What is done at each entry; false ends the walk. */
export type RmapOne = (cpu: Cpu, folio: Pfn, place: RmapPlace) => Path<boolean>;

/** Linux: rmap_walk(). */
export function* rmapWalk(cpu: Cpu, folio: Pfn, rmapOne: RmapOne): Path<void> {
  if (folioTestAnon(cpu, folio)) yield* cpu.kernel.rmapWalkAnon(cpu, folio, rmapOne);
  else yield* cpu.kernel.rmapWalkFile(cpu, folio, rmapOne);
}

/** Linux: rmap_walk_anon() with folio_lock_anon_vma_read(). */
export function* rmapWalkAnon(cpu: Cpu, folio: Pfn, rmapOne: RmapOne): Path<void> {
  const anonVma = cpu.folio.anonVma.load(folio) as AnonVmaId;
  const index = cpu.folio.anonIndex.load(folio);
  yield* cpu.kernel.anonVmaLockRead(cpu, anonVma);
  for (const place of yield* cpu.kernel.vmaIntervalTreeForeach(cpu, rbRootOf(cpu, anonVma), index, index + 1)) {
    if (!(yield* rmapOne(cpu, folio, place))) break;
  }
  yield* cpu.kernel.anonVmaUnlockRead(cpu, anonVma);
}

/** Linux: rmap_walk_file(). A folio that left the page cache is mapped nowhere it could be found. */
export function* rmapWalkFile(cpu: Cpu, folio: Pfn, rmapOne: RmapOne): Path<void> {
  const file = cpu.folio.mapping.load(folio) as FileId;
  if (file === NO_FILE) return;
  const index = cpu.folio.index.load(folio);
  yield* cpu.kernel.iMmapLockRead(cpu, file);
  for (const place of yield* cpu.kernel.vmaIntervalTreeForeach(cpu, iMmapOf(cpu, file), index, index + 1)) {
    if (!(yield* rmapOne(cpu, folio, place))) break;
  }
  yield* cpu.kernel.iMmapUnlockRead(cpu, file);
}

/**
 * Linux: page_vma_mapped_walk(): the table whose entry for `vpn` maps `folio`, its PTL held, to be dropped with
 * pteUnmapUnlock; NO_PAGE if the entry maps something else or nothing. With `migration` it is the migration entry of the
 * folio that is looked for.
 */
export function* pageVmaMappedWalk(cpu: Cpu, folio: Pfn, place: RmapPlace, migration: boolean): Path<Pfn> {
  const { kernel } = cpu;
  const vpn = place.start as Vpn;
  const pmd = yield* kernel.walkToPmd(cpu, tableWalk(cpu, place.mm), vpn);
  if (pmd === NO_PAGE) return NO_PAGE;
  const pte = yield* kernel.pteOffsetMapLock(cpu, pmd, vpn);
  if (pte === NO_PAGE) return NO_PAGE;
  const index = leafIndex(cpu.geometry, vpn);
  if (cpu.at(ENTRY_CHECK, pteWord(cpu, pte, index))) yield;
  const entry = pteLoad(cpu, pte, index);
  const found = migration
    ? isMigrationOf(entry, folio)
    : pteMapped(entry) && vmNormalPage(entry) !== NO_PAGE && ptePfn(entry) === folio;
  if (found) return pte;
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return NO_PAGE;
}
