/** Linux: struct folio: flags, and the references that keep a frame from being freed (include/linux/mm.h, mm/swap.c). */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';

/** The words are those of the file (page cache only). */
export const PG_UPTODATE = 1 << 0;
/** Anonymous memory; Linux keeps this in folio->mapping. */
export const PG_ANON = 1 << 1;
/** The one mapping may be made writable without a copy: no fork shares the page. */
export const PG_ANON_EXCLUSIVE = 1 << 2;
/** Never freed: the zero page. */
export const PG_RESERVED = 1 << 3;
/** Differs from the disk (page cache only). */
export const PG_DIRTY = 1 << 4;
/** The device is writing it to disk. */
export const PG_WRITEBACK = 1 << 5;
/** On the list of folios that may be isolated: for reclaim or migration, by one of them at a time. */
export const PG_LRU = 1 << 6;
/** In the swap cache. */
export const PG_SWAPCACHE = 1 << 7;
/** Anonymous, and what it holds may be discarded while it is clean (Linux: PG_swapbacked is clear). */
export const PG_LAZYFREE = 1 << 8;

/** Shared by equal pages of KSM: always copied by a store (Linux keeps this in folio->mapping). */
export const PG_KSM = 1 << 9;

export const GETS = point('folioGet: reference to be taken');
export const TRIES = point('folioTryGet: refcount to be read');
export const SAW_ONE = point('folioTryGet: refcount seen above 0');
export const MAPPED_CHECK = point('folioMapped: is the folio mapped?');
export const PUTS = point('folioPut: reference to be dropped');

/** Linux: folio_get(). Only for a caller who knows that a reference exists (own, or a mapping under its PTL). */
export function* folioGet(cpu: Cpu, pfn: Pfn): Path<void> {
  const { refcount } = cpu.folio;
  if (cpu.at(GETS, refcount.at(pfn))) yield;
  const former = refcount.add(pfn, 1);
  if (former <= 0) cpu.bug(`folio 0x${pfn.toString(16)} got with refcount ${former}`);
}

/** Linux: folio_try_get(): for walkers without a claim on the page. False if it is free. What it is must be rechecked. */
export function* folioTryGet(cpu: Cpu, pfn: Pfn): Path<boolean> {
  const { refcount } = cpu.folio;
  const word = refcount.at(pfn);
  if (cpu.at(TRIES, word)) yield;
  let seen = refcount.load(pfn);
  while (seen > 0) {
    if (cpu.at(SAW_ONE, word)) yield;
    const found = refcount.cas(pfn, seen, seen + 1);
    if (found === seen) return true;
    seen = found;
  }
  return false;
}

/** Linux: folio_mapped(). */
export function* folioMapped(cpu: Cpu, pfn: Pfn): Path<boolean> {
  if (cpu.at(MAPPED_CHECK, cpu.folio.mapcount.at(pfn))) yield;
  return cpu.folio.mapcount.load(pfn) > 0;
}

/** Linux: folio_put(): whoever drops the last reference frees the frame. */
export function* folioPut(cpu: Cpu, pfn: Pfn): Path<void> {
  const { refcount } = cpu.folio;
  if (cpu.at(PUTS, refcount.at(pfn))) yield;
  const former = refcount.add(pfn, -1);
  if (former <= 0) cpu.bug(`folio 0x${pfn.toString(16)} put with refcount ${former}`);
  if (former === 1) yield* cpu.kernel.freeUnrefPage(cpu, pfn);
}
