/**
 * Linux: mm/filemap.c: the page cache. Look-ups go without a lock: a slot is read, a reference taken on whatever was there,
 * and the slot read again. Slots change under xa_lock (`iPagesLock`). The cache holds one reference on each of its folios.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { PG_UPTODATE } from '../mm/folio.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import { OWNER_USER } from '../observer.ts';
import { type FileId, NO_SLOT, type SwapSlot } from '../types.ts';
import { folioSetLocked } from './folio-lock.ts';
import { filePage, isMemoryFile } from './inode.ts';

export const SLOT_WANTED = point('filemapGetFolio: slot of the page cache to be read');
export const SLOT_RECHECK = point('filemapGetFolio: reference taken, is the folio still in its slot?');
export const NEW_LOCKED = point('filemapAddFolio: new folio, to be locked');
export const NEW_REFERENCED = point('filemapAddFolio: xa_lock held, is the slot still empty?');
export const CACHE_REFERENCE = point('filemapAddFolio: slot empty, reference of the cache to be taken');
export const SLOT_FILLS = point('filemapAddFolio: slot to be filled');
export const UPTODATE_CHECK = point('filemap: is the folio up to date?');
export const FOLIO_READ = point('filemapReadFolio: read from disk, to be marked up to date');
export const SLOT_EMPTIES = point('filemapRemoveFolio: slot to be emptied');

/** The folio of that page with a reference, or NO_PAGE. What it is must be rechecked under its lock. */
export function* filemapGetFolio(cpu: Cpu, file: FileId, index: number): Path<Pfn> {
  const entry = yield* cpu.kernel.filemapGetEntry(cpu, file, index);
  return entry > 0 ? (entry as Pfn) : NO_PAGE;
}

/** Linux: filemap_get_entry(): the same, or what the slot remembers of a page that it has no folio of: 0 or negative. */
export function* filemapGetEntry(cpu: Cpu, file: FileId, index: number): Path<number> {
  const { slot } = cpu.pageCache;
  const row = filePage(cpu, file, index);
  for (const known = cpu.knows(); ; cpu.startsOver(known)) {
    if (cpu.at(SLOT_WANTED, slot.at(row))) yield;
    const pfn = slot.load(row) as Pfn;
    if (pfn <= 0) return pfn;
    if (!(yield* cpu.kernel.folioTryGet(cpu, pfn))) continue;
    if (cpu.at(SLOT_RECHECK, slot.at(row))) yield;
    if (slot.load(row) === pfn) return pfn;
    yield* cpu.kernel.folioPut(cpu, pfn);
  }
}

/**
 * Linux: __filemap_get_folio(FGP_CREAT): the folio of that page with a reference; a new one, locked and not up to date, if
 * there was none. NO_PAGE when out of memory. `locked` tells whether the caller holds the folio lock.
 */
export function* filemapGrabFolio(cpu: Cpu, file: FileId, index: number): Path<{ folio: Pfn; locked: boolean }> {
  for (;;) {
    const found = yield* cpu.kernel.filemapGetFolio(cpu, file, index);
    if (found !== NO_PAGE) return { folio: found, locked: false };
    const folio = yield* cpu.kernel.allocPage(cpu, OWNER_USER);
    if (folio === NO_PAGE) return { folio, locked: false };
    if (yield* cpu.kernel.filemapAddFolio(cpu, file, index, folio)) return { folio, locked: true };
    // another task was faster
    yield* cpu.kernel.folioPut(cpu, folio);
  }
}

/** Linux: __filemap_get_folio(FGP_LOCK | FGP_CREAT): the same, locked, and still that page of the file. */
export function* filemapGrabLocked(cpu: Cpu, file: FileId, index: number): Path<Pfn> {
  const { kernel } = cpu;
  for (;;) {
    const { folio, locked } = yield* kernel.filemapGrabFolio(cpu, file, index);
    if (folio === NO_PAGE) return NO_PAGE;
    if (!locked) yield* kernel.folioLock(cpu, folio);
    if (isCached(cpu, folio, file, index)) return folio;
    yield* kernel.folioUnlock(cpu, folio);
    yield* kernel.folioPut(cpu, folio);
  }
}

/** Linux: filemap_add_folio(): puts a new folio, locked, into its slot. False if that is taken: then it is not locked. */
export function* filemapAddFolio(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<boolean> {
  const { kernel, inode } = cpu;
  const { slot } = cpu.pageCache;
  const row = filePage(cpu, file, index);
  yield* folioSetLocked(cpu, NEW_LOCKED, folio);
  cpu.folio.mapping.store(folio, file);
  cpu.folio.index.store(folio, index);
  yield* kernel.spinLockIrqsave(cpu, inode.iPagesLock.at(file));
  if (cpu.at(NEW_REFERENCED, slot.at(row))) yield;
  const former = slot.load(row);
  const empty = former <= 0 && swapEntryOf(cpu, file, former) === NO_SLOT;
  if (empty) yield* fillSlot(cpu, file, index, folio, former);
  yield* kernel.spinUnlockIrqrestore(cpu, inode.iPagesLock.at(file));
  if (empty) {
    yield* kernel.folioAddLru(cpu, folio);
    return true;
  }
  cpu.folio.mapping.store(folio, 0);
  cpu.folio.index.store(folio, 0);
  yield* kernel.folioUnlock(cpu, folio);
  return false;
}

/**
 * Gives the slot, which holds `former`, to a folio, on which the cache takes a reference. Caller holds xa_lock and the folio
 * lock.
 */
export function* fillSlot(cpu: Cpu, file: FileId, index: number, folio: Pfn, former: number): Path<void> {
  const { inode } = cpu;
  const { slot } = cpu.pageCache;
  const row = filePage(cpu, file, index);
  if (cpu.at(CACHE_REFERENCE, cpu.folio.refcount.at(folio))) yield;
  cpu.folio.refcount.add(folio, 1);
  if (cpu.at(SLOT_FILLS, slot.at(row))) yield;
  cpu.observer?.slotChanges(cpu, file, index, former, folio);
  slot.store(row, folio);
  inode.nrpages.store(file, inode.nrpages.load(file) + 1);
}

/** Linux: xa_is_value() and radix_to_swp_entry(): where the page of a memory file lies in swap, or NO_SLOT. */
export function swapEntryOf(cpu: Cpu, file: FileId, entry: number): SwapSlot {
  return (entry < 0 && isMemoryFile(cpu, file) ? -entry : NO_SLOT) as SwapSlot;
}

/** Linux: folio->mapping == mapping, under the folio lock: is the folio still that page of the file? */
export function isCached(cpu: Cpu, folio: Pfn, file: FileId, index: number): boolean {
  return cpu.folio.mapping.load(folio) === file && cpu.folio.index.load(folio) === index;
}

/** Linux: folio_test_uptodate(). */
export function* folioTestUptodate(cpu: Cpu, folio: Pfn): Path<boolean> {
  if (cpu.at(UPTODATE_CHECK, cpu.folio.flags.at(folio))) yield;
  return (cpu.folio.flags.load(folio) & PG_UPTODATE) !== 0;
}

/**
 * Linux: filemap_read_folio(): fills the folio from disk. Caller holds its lock; nobody else looks at it before it is up to
 * date.
 */
export function* filemapReadFolio(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<void> {
  yield* cpu.kernel.submitBioRead(cpu, folio, cpu.disk, filePage(cpu, file, index));
  if (cpu.at(FOLIO_READ, cpu.folio.flags.at(folio))) yield;
  cpu.folio.flags.or(folio, PG_UPTODATE);
}

/**
 * Linux: filemap_remove_folio(): takes the folio out of its slot and drops the reference of the cache. Caller holds the
 * folio lock and a reference.
 */
export function* filemapRemoveFolio(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<void> {
  const { kernel, inode } = cpu;
  yield* kernel.spinLockIrqsave(cpu, inode.iPagesLock.at(file));
  yield* deleteSlot(cpu, file, index, folio, 0);
  yield* kernel.spinUnlockIrqrestore(cpu, inode.iPagesLock.at(file));
  yield* kernel.folioPut(cpu, folio);
}

/** Linux: page_cache_delete(): the slot gets `entry`: 0, a shadow, or a swap entry. Caller holds xa_lock and the folio lock. */
export function* deleteSlot(cpu: Cpu, file: FileId, index: number, folio: Pfn, entry: number): Path<void> {
  const { inode } = cpu;
  const { slot } = cpu.pageCache;
  const row = filePage(cpu, file, index);
  if (cpu.at(SLOT_EMPTIES, slot.at(row))) yield;
  cpu.observer?.slotChanges(cpu, file, index, folio, entry);
  slot.store(row, entry);
  cpu.folio.mapping.store(folio, 0);
  cpu.folio.index.store(folio, 0);
  inode.nrpages.store(file, inode.nrpages.load(file) - 1);
}
