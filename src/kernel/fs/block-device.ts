/**
 * Linux: block/fops.c: a block device as a file. Its length stays. Another host may write to the device, which no page cache of this
 * machine hears of: pages that are cached stay what they are until they are dropped.
 */
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { ENOSPC, type FileId } from '../types.ts';
import { changeElsewhere } from './bio.ts';
import { iSizeRead } from './inode.ts';
import type { WordToWrite } from './read-write.ts';

export const BLKDEV_SIZE = point('blkdevWriteIter: is the page within the device?');
export const BLOCK_CHANGES = point('nvmetBdevExecuteRw: another host writes, word to be changed');

/** Linux: blkdev_read_iter(), without IOCB_DIRECT. */
export function* blkdevReadIter(cpu: Cpu, file: FileId, index: number, word: number): Path<number> {
  const lock = cpu.inode.iRwsem.at(file);
  yield* cpu.kernel.downRead(cpu, lock);
  const error = yield* cpu.kernel.filemapRead(cpu, file, index, word);
  yield* cpu.kernel.upRead(cpu, lock);
  return error;
}

/** Linux: blkdev_write_iter() and blkdev_buffered_write(): buffered writes do not exclude each other, and direct ones nothing. */
export function* blkdevWriteIter(cpu: Cpu, file: FileId, what: WordToWrite): Path<number> {
  const { kernel } = cpu;
  if (what.index >= (yield* iSizeRead(cpu, file, BLKDEV_SIZE))) return ENOSPC;
  if (what.direct) return yield* kernel.genericFileDirectWrite(cpu, file, what);
  const lock = cpu.inode.iRwsem.at(file);
  yield* kernel.downRead(cpu, lock);
  const error = yield* kernel.fileBufferedWrite(cpu, file, what);
  yield* kernel.upRead(cpu, lock);
  return error;
}

/**
 * A write of another host, of one word, at the target of the device (Linux: drivers/nvme/target/io-cmd-bdev.c nvmet_bdev_execute_rw()). A
 * kernel thread marked `server` does it. No word of page cache or page tables is touched. 0.
 */
export function* nvmetBdevExecuteRw(cpu: Cpu, file: FileId, index: number, word: number, value: number): Path<number> {
  yield* changeElsewhere(cpu, BLOCK_CHANGES, { file, index, word, value });
  return 0;
}
