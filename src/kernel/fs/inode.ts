/** Linux: include/linux/fs.h: the locks of a file, in the order in which they are taken, and its length. */
import type { Path, Point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type FileId, type FilePage, VM_SHARED, VM_WRITE } from '../types.ts';

/** What `remote` of a file says: 0 for one of this machine's own. */
export const NFS_FILE = 1;
export const FUSE_FILE = 2;
/** What `memory` of a file says: 0 for one on a disk or a server. */
export const MEMORY_FILE = 1;
export const NAMELESS_FILE = 2;

/** Linux: inode_lock(): writers and truncation exclude each other. */
export function* inodeLock(cpu: Cpu, file: FileId): Path<void> {
  yield* cpu.kernel.downWrite(cpu, cpu.inode.iRwsem.at(file));
}
export function* inodeUnlock(cpu: Cpu, file: FileId): Path<void> {
  yield* cpu.kernel.upWrite(cpu, cpu.inode.iRwsem.at(file));
}

/** Linux: filemap_invalidate_lock(): no page is brought into the page cache meanwhile. */
export function* filemapInvalidateLock(cpu: Cpu, file: FileId): Path<void> {
  yield* cpu.kernel.downWrite(cpu, cpu.inode.invalidateLock.at(file));
}
export function* filemapInvalidateUnlock(cpu: Cpu, file: FileId): Path<void> {
  yield* cpu.kernel.upWrite(cpu, cpu.inode.invalidateLock.at(file));
}
export function* filemapInvalidateLockShared(cpu: Cpu, file: FileId): Path<void> {
  yield* cpu.kernel.downRead(cpu, cpu.inode.invalidateLock.at(file));
}
export function* filemapInvalidateUnlockShared(cpu: Cpu, file: FileId): Path<void> {
  yield* cpu.kernel.upRead(cpu, cpu.inode.invalidateLock.at(file));
}

/** Linux: i_size_read(), in pages; `now` says what is true at this moment. Nothing is guaranteed a step later. */
export function* iSizeRead(cpu: Cpu, file: FileId, now: Point): Path<number> {
  const { iSize } = cpu.inode;
  if (cpu.at(now, iSize.at(file))) yield;
  return iSize.load(file);
}

/** Linux: i_size_write(). Caller holds i_rwsem for writing. */
export function* iSizeWrite(cpu: Cpu, file: FileId, pages: number, now: Point): Path<void> {
  const { iSize } = cpu.inode;
  if (cpu.at(now, iSize.at(file))) yield;
  iSize.store(file, pages);
}

/** Linux: mapping->nrpages != 0, which is read without a lock there. */
export function* hasPages(cpu: Cpu, file: FileId): Path<boolean> {
  const lock = cpu.inode.iPagesLock.at(file);
  yield* cpu.kernel.spinLockIrqsave(cpu, lock);
  const pages = cpu.inode.nrpages.load(file);
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock);
  return pages !== 0;
}

/**
 * Linux: VM_MAYWRITE: stores to a shared mapping need a file that is open for writing, and a FUSE file system is mounted
 * read-only here.
 */
export function mayMap(cpu: Cpu, file: FileId, vmFlags: number): boolean {
  const stores = VM_SHARED | VM_WRITE;
  return (vmFlags & stores) !== stores || !isFuse(cpu, file);
}

/** Row of a page of a file in the page cache and on disk. */
export function filePage(cpu: Cpu, file: FileId, index: number): FilePage {
  return (file * cpu.geometry.filePages + index) as FilePage;
}

/** Is the file a server's, or a daemon's? */
export function isRemote(cpu: Cpu, file: FileId): boolean {
  return cpu.inode.remote.load(file) !== 0;
}

/** Is it one of a FUSE file system? */
export function isFuse(cpu: Cpu, file: FileId): boolean {
  return cpu.inode.remote.load(file) === FUSE_FILE;
}

/** Linux: shmem_mapping(): has the file no disk behind it? */
export function isMemoryFile(cpu: Cpu, file: FileId): boolean {
  return cpu.inode.memory.load(file) !== 0;
}

/** Linux: S_ISBLK(): is the file a block device? */
export function isBlockDevice(cpu: Cpu, file: FileId): boolean {
  return cpu.inode.blockdev.load(file) !== 0;
}

/** May others change what the disk has of the file? */
export function isShared(cpu: Cpu, file: FileId): boolean {
  return isRemote(cpu, file) || isBlockDevice(cpu, file);
}

/** Does the file system of the file write by iomap? Block devices do. */
export function usesIomap(cpu: Cpu, file: FileId): boolean {
  return isBlockDevice(cpu, file) || cpu.inode.iomap.load(file) !== 0;
}

/** Does the machine have this file? */
export function isFile(cpu: Cpu, file: number): file is FileId {
  return file > 0 && file <= cpu.geometry.files;
}
