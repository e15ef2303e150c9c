/** Linux: mm/shmem.c: read(2), write(2) and truncate(2) of memory files. */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { isCached, swapEntryOf } from '../fs/filemap.ts';
import { iSizeRead, iSizeWrite } from '../fs/inode.ts';
import { copyOut } from '../fs/read-write.ts';
import { EINVAL, ENODATA, ENOMEM, type FileId, NO_SLOT } from '../types.ts';
import { PG_UPTODATE } from './folio.ts';
import { NO_PAGE } from './page-alloc.ts';
import { SGP_READ, SGP_WRITE } from './shmem.ts';
import { ZAP_INVALIDATE } from './zap.ts';

export const READ_SIZE = point('shmemFileReadIter: folio found, is the page still within the file?');
export const TAIL_CHECK = point('shmemWriteEnd: copied, was the folio up to date before?');
export const TAIL_ZEROES = point('shmemWriteEnd: new folio, next word that was not written to be zeroed');
export const TAIL_DONE = point('shmemWriteEnd: new folio complete, to be marked up to date');
export const WRITE_SIZE = point('shmemWriteEnd: copied, does the file become longer?');
export const WRITE_GROWS = point('shmemWriteEnd: file becomes longer');
export const OLD_SIZE = point('shmemSetattr: how long is the file?');
export const NEW_SIZE = point('shmemSetattr: length to be changed');

/**
 * Linux: shmem_file_read_iter(), one word: 0 with the value in `cpu.loaded`, or a negative errno. A hole is zero and stays a hole.
 * The folio is held by a reference only while it is copied from.
 */
export function* shmemFileReadIter(cpu: Cpu, file: FileId, index: number, word: number): Path<number> {
  const { kernel } = cpu;
  const found = yield* kernel.shmemGetFolio(cpu, file, index, SGP_READ);
  if (found < 0) return found === EINVAL ? ENODATA : ENOMEM;
  const folio = found as Pfn;
  // the word was zero when the hole was found; nothing is looked at any more
  if (folio === NO_PAGE) cpu.observer?.fileLoaded(cpu, file, index, word, 0);
  else yield* kernel.folioUnlock(cpu, folio);
  const inside = index < (yield* iSizeRead(cpu, file, READ_SIZE));
  if (folio === NO_PAGE) cpu.loaded = 0;
  else {
    if (inside) yield* copyOut(cpu, file, index, folio, word);
    yield* kernel.folioPut(cpu, folio);
  }
  return inside ? 0 : ENODATA;
}

/**
 * Linux: shmem_write_begin(): the folio, locked, with a reference; NO_PAGE when out of memory. Caller holds i_rwsem for
 * writing.
 */
export function* shmemWriteBegin(cpu: Cpu, file: FileId, index: number): Path<Pfn> {
  const found = yield* cpu.kernel.shmemGetFolio(cpu, file, index, SGP_WRITE);
  return (found < 0 ? NO_PAGE : found) as Pfn;
}

/**
 * Linux: shmem_write_end(): the file as long as what was written; what was not written of a new folio is zeroed; dirty,
 * unlocked, reference dropped.
 */
export function* shmemWriteEnd(cpu: Cpu, file: FileId, index: number, word: number, folio: Pfn): Path<void> {
  const { kernel, geometry } = cpu;
  const { flags } = cpu.folio;
  const size = yield* iSizeRead(cpu, file, WRITE_SIZE);
  if (index >= size) yield* iSizeWrite(cpu, file, index + 1, WRITE_GROWS);
  if (cpu.at(TAIL_CHECK, flags.at(folio))) yield;
  if ((flags.load(folio) & PG_UPTODATE) === 0) {
    const { words } = cpu.hw.frame;
    for (let k = 0; k < geometry.wordsPerPage; k++) {
      if (k === word) continue;
      if (cpu.at(TAIL_ZEROES, words.at(folio, k))) yield;
      words.store(folio, 0, k);
    }
    if (cpu.at(TAIL_DONE, flags.at(folio))) yield;
    flags.or(folio, PG_UPTODATE);
  }
  yield* kernel.folioMarkDirty(cpu, folio);
  yield* kernel.folioUnlock(cpu, folio);
  yield* kernel.folioPut(cpu, folio);
}

/** Linux: shmem_setattr(), of the length. Private copies go, too. Caller holds i_rwsem for writing. */
export function* shmemSetattr(cpu: Cpu, file: FileId, pages: number): Path<void> {
  const { kernel, geometry } = cpu;
  const former = yield* iSizeRead(cpu, file, OLD_SIZE);
  if (pages !== former) yield* iSizeWrite(cpu, file, pages, NEW_SIZE);
  if (pages > former) return;
  const behind = geometry.filePages - pages;
  if (former > pages) yield* kernel.unmapMappingRange(cpu, file, pages, behind);
  yield* kernel.shmemUndoRange(cpu, file, pages, geometry.filePages);
  // a private copy may have been made of a page whose truncation was under way
  if (former > pages) yield* kernel.unmapMappingRange(cpu, file, pages, behind);
}

/** Linux: shmem_fallocate() with FALLOC_FL_PUNCH_HOLE: pages become a hole; private copies stay. 0. */
export function* shmemFallocate(cpu: Cpu, file: FileId, from: number, pages: number): Path<number> {
  const { kernel } = cpu;
  yield* kernel.inodeLock(cpu, file);
  const end = Math.min(from + pages, cpu.geometry.filePages);
  yield* kernel.unmapMappingRange(cpu, file, from, end - from, ZAP_INVALIDATE);
  yield* kernel.shmemUndoRange(cpu, file, from, end);
  yield* kernel.inodeUnlock(cpu, file);
  yield* kernel.fileEndWrite(cpu, file);
  return 0;
}

/** Linux: shmem_undo_range(): folios and swap entries of pages [from, end) go; round and round until nothing is found. */
export function* shmemUndoRange(cpu: Cpu, file: FileId, from: number, end: number): Path<void> {
  for (let found = true; found; ) {
    found = false;
    for (let index = from; index < end; index++) {
      if (yield* cpu.kernel.shmemUndoPage(cpu, file, index)) found = true;
    }
  }
}

/**
 * The body of shmem_undo_range(), one page: whether there was one. It may be replaced, a folio by a swap entry or the reverse,
 * while it is looked at.
 */
export function* shmemUndoPage(cpu: Cpu, file: FileId, index: number): Path<boolean> {
  const { kernel } = cpu;
  for (;;) {
    const entry = yield* kernel.filemapGetEntry(cpu, file, index);
    if (entry === 0) return false;
    const slot = swapEntryOf(cpu, file, entry);
    if (slot !== NO_SLOT) {
      if (yield* kernel.shmemFreeSwap(cpu, file, index, slot)) return true;
      continue;
    }
    const folio = entry as Pfn;
    yield* kernel.folioLock(cpu, folio);
    const cached = isCached(cpu, folio, file, index);
    if (cached) yield* kernel.truncateInodeFolio(cpu, file, index, folio);
    yield* kernel.folioUnlock(cpu, folio);
    yield* kernel.folioPut(cpu, folio);
    if (cached) return true;
  }
}
