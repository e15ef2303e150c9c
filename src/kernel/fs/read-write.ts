/**
 * Linux: fs/read_write.c vfs_read() and vfs_write(), mm/filemap.c filemap_read() and generic_perform_write(): one word of one
 * page. The user's buffer is not modelled: the value to be written is an argument, the one read is left in `cpu.loaded`.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { PG_UPTODATE } from '../mm/folio.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import { EBADF, EFBIG, ENODATA, ENOMEM, type FileId } from '../types.ts';
import { iSizeRead, iSizeWrite, isBlockDevice, isFile, isMemoryFile, usesIomap } from './inode.ts';

export const READ_SIZE = point('filemapRead: is the page within the file?');
export const READ_COPIES = point('filemapRead: folio up to date, word to be copied out');
export const WRITE_COPIES = point('genericPerformWrite: folio locked, word to be copied in');
export const WRITE_UPTODATE = point('writeEnd: copied, folio to be marked up to date');
export const WRITE_SIZE = point('writeEnd: dirty, does the file become longer?');
export const WRITE_GROWS = point('writeEnd: file becomes longer');

/**
 * read(2) of one word, past the page cache if `direct`: 0 with the value in `cpu.loaded`, or a negative errno; -ENODATA stands
 * for the 0 bytes at the end of the file.
 */
export function* sysRead(cpu: Cpu, file: number, index: number, word: number, direct = false): Path<number> {
  const { kernel } = cpu;
  if (!isFile(cpu, file)) return EBADF;
  if (isMemoryFile(cpu, file)) return yield* kernel.shmemFileReadIter(cpu, file, index, word);
  if (index >= (yield* iSizeRead(cpu, file, READ_SIZE))) return ENODATA;
  if (direct) return yield* kernel.genericFileDirectRead(cpu, file, index, word);
  if (isBlockDevice(cpu, file)) return yield* kernel.blkdevReadIter(cpu, file, index, word);
  return yield* kernel.filemapRead(cpu, file, index, word);
}

/** Linux: filemap_read(): the folio is held by a reference only, so truncation and stores go on meanwhile. */
export function* filemapRead(cpu: Cpu, file: FileId, index: number, word: number): Path<number> {
  const { kernel } = cpu;
  let folio: Pfn = yield* kernel.filemapGetFolio(cpu, file, index);
  if (folio === NO_PAGE || !(yield* kernel.folioTestUptodate(cpu, folio))) {
    if (folio !== NO_PAGE) yield* kernel.folioPut(cpu, folio);
    folio = yield* kernel.filemapFillFolio(cpu, file, index);
    if (folio === NO_PAGE) return ENOMEM;
  }
  // i_size is looked at behind uptodate, or stale words behind the end could be copied
  const inside = index < (yield* iSizeRead(cpu, file, READ_SIZE));
  if (inside) yield* copyOut(cpu, file, index, folio, word);
  yield* kernel.folioPut(cpu, folio);
  return inside ? 0 : ENODATA;
}

/** Linux: copy_folio_to_iter(): the word in `cpu.loaded`. Caller holds a reference. */
export function* copyOut(cpu: Cpu, file: FileId, index: number, folio: Pfn, word: number): Path<void> {
  const { words } = cpu.hw.frame;
  if (cpu.at(READ_COPIES, words.at(folio, word))) yield;
  cpu.loaded = words.load(folio, word);
  cpu.observer?.fileLoaded(cpu, file, index, word, cpu.loaded);
}

/** The words of write(2), past the page cache if `direct`. */
export interface WordToWrite {
  readonly index: number;
  readonly word: number;
  readonly value: number;
  readonly direct: boolean;
}

/** write(2) of one word: 0 or a negative errno. A write behind the end makes the file longer; the hole reads as zero. */
export function* sysWrite(
  cpu: Cpu,
  file: number,
  index: number,
  word: number,
  value: number,
  direct = false,
): Path<number> {
  if (!isFile(cpu, file)) return EBADF;
  if (index >= cpu.geometry.filePages) return EFBIG;
  return yield* cpu.kernel.vfsWrite(cpu, file, { index, word, value, direct });
}

/** Linux: vfs_write(). */
export function* vfsWrite(cpu: Cpu, file: FileId, what: WordToWrite): Path<number> {
  const { kernel } = cpu;
  const error = isBlockDevice(cpu, file)
    ? yield* kernel.blkdevWriteIter(cpu, file, what)
    : yield* kernel.genericFileWriteIter(cpu, file, what);
  yield* kernel.fileEndWrite(cpu, file);
  return error;
}

/** Linux: generic_file_write_iter(); of a file system with iomap its own ->write_iter, which does the same. */
export function* genericFileWriteIter(cpu: Cpu, file: FileId, what: WordToWrite): Path<number> {
  const { kernel } = cpu;
  yield* kernel.inodeLock(cpu, file);
  // memory files take O_DIRECT and do not heed it
  const error =
    what.direct && !isMemoryFile(cpu, file)
      ? yield* kernel.genericFileDirectWrite(cpu, file, what)
      : yield* kernel.fileBufferedWrite(cpu, file, what);
  yield* kernel.inodeUnlock(cpu, file);
  return error;
}

/** The write that goes into the page cache, as the file system has it. Caller holds i_rwsem, for writing but of block devices. */
export function* fileBufferedWrite(cpu: Cpu, file: FileId, { index, word, value }: WordToWrite): Path<number> {
  const { kernel } = cpu;
  if (usesIomap(cpu, file)) return yield* kernel.iomapFileBufferedWrite(cpu, file, index, word, value);
  return yield* kernel.genericPerformWrite(cpu, file, index, word, value);
}

/**
 * Linux: file_end_write(): leaves the section that freezing the file system would wait for, which only regular files enter. No word
 * is touched.
 */
export function* fileEndWrite(_cpu: Cpu, _file: FileId): Path<void> {}

/** Linux: generic_perform_write(), one page. Caller holds i_rwsem for writing. */
export function* genericPerformWrite(cpu: Cpu, file: FileId, index: number, word: number, value: number): Path<number> {
  const folio = yield* cpu.kernel.mappingWriteBegin(cpu, file, index);
  if (folio === NO_PAGE) return ENOMEM;
  yield* copyIn(cpu, file, index, folio, word, value);
  if (isMemoryFile(cpu, file)) yield* cpu.kernel.shmemWriteEnd(cpu, file, index, word, folio);
  else yield* cpu.kernel.writeEnd(cpu, file, index, folio);
  return 0;
}

/** Linux: copy_folio_from_iter_atomic(). Caller holds the folio lock. */
export function* copyIn(cpu: Cpu, file: FileId, index: number, folio: Pfn, word: number, value: number): Path<void> {
  const { words } = cpu.hw.frame;
  if (cpu.at(WRITE_COPIES, words.at(folio, word))) yield;
  words.store(folio, value, word);
  cpu.observer?.fileStored(cpu, file, index, word, value, 'cache');
}

/** a_ops->write_begin() as callers outside the file system reach it; a wrapper of this name came with LUF v12. */
export function* mappingWriteBegin(cpu: Cpu, file: FileId, index: number): Path<Pfn> {
  return yield* cpu.kernel.writeBegin(cpu, file, index);
}

/** Linux: a_ops->write_begin(), as shmem_write_begin() or block_write_begin(). Caller holds i_rwsem for writing. */
export function* writeBegin(cpu: Cpu, file: FileId, index: number): Path<Pfn> {
  if (isMemoryFile(cpu, file)) return yield* cpu.kernel.shmemWriteBegin(cpu, file, index);
  return yield* cpu.kernel.folioToWrite(cpu, file, index);
}

/**
 * Linux: __filemap_get_folio(FGP_WRITEBEGIN), and the read of what is not overwritten: the folio, locked, referenced and up to date,
 * found or created. NO_PAGE when out of memory. Caller holds i_rwsem.
 */
export function* folioToWrite(cpu: Cpu, file: FileId, index: number): Path<Pfn> {
  const { kernel } = cpu;
  const folio: Pfn = yield* kernel.filemapGrabLocked(cpu, file, index);
  if (folio === NO_PAGE) return NO_PAGE;
  if (!(yield* kernel.folioTestUptodate(cpu, folio))) yield* kernel.filemapReadFolio(cpu, file, index, folio);
  return folio;
}

/** Linux: generic_write_end(): dirty, the file as long as what was written, unlocked, reference dropped. */
export function* writeEnd(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<void> {
  const { kernel } = cpu;
  if (cpu.at(WRITE_UPTODATE, cpu.folio.flags.at(folio))) yield;
  cpu.folio.flags.or(folio, PG_UPTODATE);
  yield* kernel.folioMarkDirty(cpu, folio);
  const size = yield* iSizeRead(cpu, file, WRITE_SIZE);
  if (index >= size) yield* iSizeWrite(cpu, file, index + 1, WRITE_GROWS);
  yield* kernel.folioUnlock(cpu, folio);
  yield* kernel.folioPut(cpu, folio);
}
