/**
 * Linux: fs/open.c vfs_fallocate() with FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE: pages of a file become a hole, which reads
 * as zero. As ext4_fallocate() with ext4_punch_hole() does it. Whole pages only. Left out: blkdev_fallocate(), the wait for
 * direct I/O, the leases on the layout of blocks.
 */
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { EBADF } from '../types.ts';
import { iSizeRead, isFile, isMemoryFile } from './inode.ts';

export const PUNCH_SIZE = point('sysPunchHole: how long is the file?');

/** fallocate(2): 0 or a negative errno. What lies behind the end of the file is left out. */
export function* sysPunchHole(cpu: Cpu, file: number, index: number, pages: number): Path<number> {
  const { kernel } = cpu;
  if (!isFile(cpu, file)) return EBADF;
  if (isMemoryFile(cpu, file)) return yield* kernel.shmemFallocate(cpu, file, index, pages);
  yield* kernel.inodeLock(cpu, file);
  yield* kernel.filemapInvalidateLock(cpu, file);
  const end = Math.min(index + pages, yield* iSizeRead(cpu, file, PUNCH_SIZE));
  if (index < end) {
    yield* kernel.truncatePagecacheRange(cpu, file, index, end);
    yield* kernel.freeBlocks(cpu, file, index, end);
  }
  yield* kernel.filemapInvalidateUnlock(cpu, file);
  yield* kernel.inodeUnlock(cpu, file);
  yield* kernel.fileEndWrite(cpu, file);
  return 0;
}
