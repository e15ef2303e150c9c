/**
 * Linux: mm/filemap.c: read(2) and write(2) past the page cache (O_DIRECT), of one word. What the cache has of the page is written back
 * first, and dropped before a write and once more behind it; in between others may bring the page in again, and make it dirty.
 * The user's buffer is not modelled, and the blocks of the device are single words.
 *
 * Left out: i_dio_count of reads, for which truncation waits; errors of the device.
 */
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { EBUSY, type FileId } from '../types.ts';
import { filePage, hasPages, iSizeRead, iSizeWrite, isBlockDevice } from './inode.ts';
import type { WordToWrite } from './read-write.ts';

export const DEVICE_READ = point('directIo: written back, word to be read from the device');
export const DEVICE_WRITTEN = point('directIo: page dropped, word to be written to the device');
export const DIO_BEGINS = point('inodeDioBegin: direct write to be counted');
export const DIO_CHECK = point('inodeDioFinished: is a direct write under way?');
export const DIO_ENDS = point('inodeDioEnd: direct write done');
export const DIRECT_SIZE = point('genericFileDirectWrite: written, does the file become longer?');
export const DIRECT_GROWS = point('genericFileDirectWrite: file becomes longer');

/**
 * Linux: the IOCB_DIRECT branch of generic_file_read_iter() and of blkdev_read_iter(): 0 with the value in `cpu.loaded`. No
 * lock is held.
 */
export function* genericFileDirectRead(cpu: Cpu, file: FileId, index: number, word: number): Path<number> {
  const { disk } = cpu;
  yield* cpu.kernel.vfsFsyncRange(cpu, file, index, index + 1);
  const row = filePage(cpu, file, index);
  if (cpu.at(DEVICE_READ, disk.words.at(row, word))) yield;
  cpu.loaded = disk.words.load(row, word);
  cpu.observer?.fileLoaded(cpu, file, index, word, cpu.loaded);
  return 0;
}

/**
 * Linux: __generic_file_write_iter() with IOCB_DIRECT: generic_file_direct_write(), or blkdev_direct_write(); if a page will not go, a
 * buffered write instead. 0 or a negative errno. Caller holds i_rwsem for writing, but of a block device none.
 */
export function* genericFileDirectWrite(cpu: Cpu, file: FileId, what: WordToWrite): Path<number> {
  const { kernel, disk } = cpu;
  const { index, word, value } = what;
  if ((yield* kernel.kiocbInvalidatePages(cpu, file, index)) === EBUSY) {
    const error = yield* kernel.fileBufferedWrite(cpu, file, what);
    if (error === 0) yield* kernel.directWriteFallback(cpu, file, index);
    return error;
  }
  yield* kernel.inodeDioBegin(cpu, file);
  const row = filePage(cpu, file, index);
  if (cpu.at(DEVICE_WRITTEN, disk.words.at(row, word))) yield;
  disk.words.store(row, value, word);
  cpu.observer?.fileStored(cpu, file, index, word, value, 'disk');
  yield* kernel.inodeDioEnd(cpu, file);
  yield* kernel.kiocbInvalidatePostDirectWrite(cpu, file, index);
  if (isBlockDevice(cpu, file)) return 0;
  const size = yield* iSizeRead(cpu, file, DIRECT_SIZE);
  if (index >= size) yield* iSizeWrite(cpu, file, index + 1, DIRECT_GROWS);
  return 0;
}

/** Linux: kiocb_invalidate_pages(): what is dirty is written back, then the page must go. 0 or EBUSY. */
export function* kiocbInvalidatePages(cpu: Cpu, file: FileId, index: number): Path<number> {
  yield* cpu.kernel.vfsFsyncRange(cpu, file, index, index + 1);
  return yield* cpu.kernel.invalidateInodePages2(cpu, file, index, index + 1);
}

/**
 * Linux: kiocb_invalidate_post_direct_write(): a page that came in meanwhile goes; if it will not, that is warned of and stays
 * so.
 */
export function* kiocbInvalidatePostDirectWrite(cpu: Cpu, file: FileId, index: number): Path<void> {
  if (yield* hasPages(cpu, file)) yield* cpu.kernel.invalidateInodePages2(cpu, file, index, index + 1);
}

/** Linux: direct_write_fallback(), behind the buffered write: what it left is written back, and dropped if that is possible. */
export function* directWriteFallback(cpu: Cpu, file: FileId, index: number): Path<void> {
  yield* cpu.kernel.vfsFsyncRange(cpu, file, index, index + 1);
  yield* cpu.kernel.mappingTryInvalidate(cpu, file, index, index + 1);
}

/** Linux: include/linux/fs.h inode_dio_begin(), which block devices do without. */
export function* inodeDioBegin(cpu: Cpu, file: FileId): Path<void> {
  if (isBlockDevice(cpu, file)) return;
  const { dioCount } = cpu.inode;
  if (cpu.at(DIO_BEGINS, dioCount.at(file))) yield;
  dioCount.add(file, 1);
}
/** Linux: inode_dio_finished(): is no direct write under way? Nothing is guaranteed a step later. */
export function* inodeDioFinished(cpu: Cpu, file: FileId): Path<boolean> {
  const { dioCount } = cpu.inode;
  if (cpu.at(DIO_CHECK, dioCount.at(file))) yield;
  return dioCount.load(file) === 0;
}
/**
 * Linux: inode_dio_end(). iomap_dio_complete() has it behind the second invalidation, the older direct I/O before that, as
 * here.
 */
export function* inodeDioEnd(cpu: Cpu, file: FileId): Path<void> {
  if (isBlockDevice(cpu, file)) return;
  const { dioCount } = cpu.inode;
  if (cpu.at(DIO_ENDS, dioCount.at(file))) yield;
  dioCount.add(file, -1);
}
