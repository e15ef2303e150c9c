/**
 * Linux: mm/rmap.c try_to_migrate() and mm/migrate.c remove_migration_ptes(), migration_entry_wait(): while a folio moves,
 * its entries are replaced by migration entries, at which faults wait for the folio lock.
 */
import { PTE_A, PTE_D, PTE_RW, pteLoad, pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteHi, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { VM_WRITE } from '../types.ts';
import type { RmapPlace } from './i-mmap.ts';
import type { VmFault } from './memory.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex } from './pgtable.ts';
import { migrationPfn, mkMigration, PTE_SWP_EXCLUSIVE, protHi, protLo } from './pte-prot.ts';
import { PTE_TRACKED } from './pte-tracking.ts';
import { folioTestAnon, RMAP_EXCLUSIVE, RMAP_NONE } from './rmap.ts';

export const MIGRATION_SETS = point('tryToMigrateOne: entry cleared, migration entry to be set');
export const MIGRATES_AWAY = point('tryToMigrateOne: migration entry set, mapping to be uncounted');
export const RIGHTS_READ = point('removeMigrationPte: migration entry found, which rights has the vma?');
export const OLD_ENTRY = point('removeMigrationPte: migration entry to be read again');
export const COMES_BACK = point('removeMigrationPte: reference taken, mapping to be counted');
export const NEW_SETS = point('removeMigrationPte: counted, entry for the new folio to be set');
export const WAIT_RECHECK = point('migrationEntryWait: PTL taken, is the folio still on the move?');
export const MOVES_STILL = point('migrationEntryWait: folio on the move, who has it locked?');

/** What a migration entry keeps of the present one. */
const KEPT = PTE_RW | PTE_A | PTE_D | PTE_TRACKED;

/** Linux: try_to_migrate(). Caller holds the folio lock. */
export function* tryToMigrate(cpu: Cpu, folio: Pfn, flags: number): Path<void> {
  yield* cpu.kernel.rmapWalk(cpu, folio, (c, f, place) => c.kernel.tryToMigrateOne(c, f, place, flags));
}

/** Linux: try_to_migrate_one(). */
export function* tryToMigrateOne(cpu: Cpu, folio: Pfn, place: RmapPlace, flags: number): Path<boolean> {
  const { kernel } = cpu;
  const pte = yield* kernel.pageVmaMappedWalk(cpu, folio, place, false);
  if (pte === NO_PAGE) return true;
  const exclusive = yield* kernel.pageAnonExclusive(cpu, folio);
  const old = yield* kernel.ptepUnhook(cpu, place, pte, flags);
  if ((old & PTE_D) !== 0) yield* kernel.folioMarkDirty(cpu, folio);
  if (exclusive) yield* kernel.folioTryShareAnonRmapPte(cpu, folio);
  yield* kernel.setMigrationPte(cpu, folio, pte, place.start as Vpn, old, exclusive);
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return true;
}

/**
 * Where `old` was, the end of try_to_migrate_one() and of migrate_vma_collect_pmd() for one entry: the migration entry, and the
 * mapping with its reference goes. Caller holds the folio lock, a reference of its own, and the PTL under which the entry was cleared.
 */
export function* setMigrationPte(cpu: Cpu, folio: Pfn, pte: Pfn, vpn: Vpn, old: PteLo, exclusive: boolean): Path<void> {
  const { kernel } = cpu;
  const index = leafIndex(cpu.geometry, vpn);
  const kept = (old & KEPT) | (exclusive ? PTE_SWP_EXCLUSIVE : 0);
  if (cpu.at(MIGRATION_SETS, pteWord(cpu, pte, index))) yield;
  pteStore(cpu, pte, index, mkMigration(folio, kept), 0 as PteHi);
  yield* kernel.folioRemoveRmapPte(cpu, folio, MIGRATES_AWAY);
  yield* kernel.folioPut(cpu, folio);
}

/**
 * Linux: remove_migration_ptes(): the migration entries of `src` become entries of `dst` (the same folio when the move was
 * given up). Caller holds both folio locks; `dst` is in the page cache, or is the anonymous page.
 */
export function* removeMigrationPtes(cpu: Cpu, src: Pfn, dst: Pfn): Path<void> {
  yield* cpu.kernel.rmapWalk(cpu, dst, (c, f, place) => c.kernel.removeMigrationPte(c, f, src, place));
}

/** Linux: remove_migration_pte(). The rights are read from the VMA without a lock; mprotect walks the entries afterwards. */
export function* removeMigrationPte(cpu: Cpu, dst: Pfn, src: Pfn, place: RmapPlace): Path<boolean> {
  const { kernel } = cpu;
  const pte = yield* kernel.pageVmaMappedWalk(cpu, src, place, true);
  if (pte === NO_PAGE) return true;
  const index = leafIndex(cpu.geometry, place.start as Vpn);
  const word = pteWord(cpu, pte, index);
  yield* kernel.folioGet(cpu, dst);
  if (cpu.at(RIGHTS_READ, cpu.vma.flags.at(place.vma))) yield;
  const vmFlags = cpu.vma.flags.load(place.vma);
  if (cpu.at(OLD_ENTRY, word)) yield;
  const moving = pteLoad(cpu, pte, index);
  const kept = moving & KEPT;
  if (folioTestAnon(cpu, dst)) {
    const rmapFlags = (moving & PTE_SWP_EXCLUSIVE) !== 0 ? RMAP_EXCLUSIVE : RMAP_NONE;
    yield* kernel.folioAddAnonRmapPte(cpu, dst, rmapFlags);
  } else yield* kernel.folioAddFileRmapPte(cpu, dst, COMES_BACK);
  const rights = protLo(vmFlags) & ~PTE_A;
  const writable = (vmFlags & VM_WRITE) !== 0 ? kept : kept & ~PTE_RW;
  if (cpu.at(NEW_SETS, word)) yield;
  pteStore(cpu, pte, index, ((dst << 12) | rights | writable) as PteLo, protHi(vmFlags));
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return true;
}

/**
 * Linux: migration_entry_wait(): a fault at a migration entry sleeps until the folio is unlocked; then the access is tried
 * again.
 */
export function* migrationEntryWait(cpu: Cpu, vmf: VmFault): Path<void> {
  const { kernel } = cpu;
  const pte = yield* kernel.pteOffsetMapLock(cpu, vmf.pmd, vmf.vpn);
  if (pte === NO_PAGE) return;
  const index = leafIndex(cpu.geometry, vmf.vpn);
  if (cpu.at(WAIT_RECHECK, pteWord(cpu, pte, index))) yield;
  const folio = migrationPfn(pteLoad(cpu, pte, index));
  let holder = 0;
  if (folio !== NO_PAGE) {
    if (cpu.at(MOVES_STILL, cpu.folio.lock.at(folio))) yield;
    holder = cpu.folio.lock.load(folio);
  }
  yield* kernel.pteUnmapUnlock(cpu, pte);
  if (holder !== 0) yield* kernel.folioWaitLocked(cpu, folio, holder);
}
