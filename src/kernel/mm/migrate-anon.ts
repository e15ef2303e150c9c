/**
 * Linux: mm/migrate.c __folio_migrate_mapping() and folio_migrate_flags() for anonymous folios: one that is only mapped is found
 * by nobody but its entries, which wait for it; one in the swap cache is found there, too.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { NO_SLOT, type SwapSlot } from '../types.ts';
import { PG_ANON, PG_DIRTY, PG_LAZYFREE, PG_SWAPCACHE, PG_UPTODATE } from './folio.ts';
import { CLUSTER } from './swap-state.ts';

export const REFS_RECHECK = point('folioMigrateAnonMapping: copied, does anybody else hold the folio?');
export const FREEZES = point('folioMigrateAnonMapping: cluster locked, references to be frozen');
export const CACHE_REFERENCE = point(
  'folioMigrateAnonMapping: reference of the swap cache to be taken on the new folio',
);
export const MARKS_READ = point('folioMigrateAnonMapping: alone with the folio, which marks has it?');
export const MARKS_MOVE = point('folioMigrateAnonMapping: marks to be set on the new folio');
export const SLOT_RETARGETS = point('folioMigrateAnonMapping: slot to be given to the new folio');
export const UNFREEZES = point(
  'folioMigrateAnonMapping: slot given away, references of the old folio to be given back',
);

const MARKS = PG_ANON | PG_DIRTY | PG_LAZYFREE | PG_UPTODATE | PG_SWAPCACHE;

/** False if somebody else holds the folio. It is unmapped; caller holds both folio locks. */
export function* folioMigrateAnonMapping(cpu: Cpu, src: Pfn, dst: Pfn): Path<boolean> {
  const { kernel, swap } = cpu;
  const { refcount } = cpu.folio;
  const slot = cpu.folio.swap.load(src) as SwapSlot;
  if (slot === NO_SLOT) {
    if (cpu.at(REFS_RECHECK, refcount.at(src))) yield;
    if (refcount.load(src) !== 1) return false;
    yield* marksMove(cpu, src, dst);
    return true;
  }
  yield* kernel.spinLock(cpu, swap.lock.at(CLUSTER));
  if (cpu.at(FREEZES, refcount.at(src))) yield;
  const frozen = refcount.cas(src, 2, 0) === 2;
  if (frozen) {
    if (cpu.at(CACHE_REFERENCE, refcount.at(dst))) yield;
    refcount.add(dst, 1);
    cpu.folio.swap.store(dst, slot);
    yield* marksMove(cpu, src, dst);
    if (cpu.at(SLOT_RETARGETS, swap.cache.at(CLUSTER, slot))) yield;
    swap.cache.store(CLUSTER, dst, slot);
    cpu.folio.swap.store(src, NO_SLOT);
    if (cpu.at(UNFREEZES, refcount.at(src))) yield;
    refcount.store(src, 1);
  }
  yield* kernel.spinUnlock(cpu, swap.lock.at(CLUSTER));
  return frozen;
}

/** The new folio is what the old one was. */
function* marksMove(cpu: Cpu, src: Pfn, dst: Pfn): Path<void> {
  const { flags, anonVma, anonIndex } = cpu.folio;
  anonVma.store(dst, anonVma.load(src));
  anonIndex.store(dst, anonIndex.load(src));
  if (cpu.at(MARKS_READ, flags.at(src))) yield;
  const marks = flags.and(src, ~(PG_DIRTY | PG_SWAPCACHE)) & MARKS;
  if (cpu.at(MARKS_MOVE, flags.at(dst))) yield;
  flags.or(dst, marks);
}
