/**
 * Linux: mm/shmem.c shmem_zero_setup(), fs/file_table.c: a shared anonymous mapping maps a memory file without a name, which ends with
 * the last VMA that maps it. Files that have names are kept by those, so their mappings are not counted. Linux ends a file when
 * the task that let go of it is about to return to user mode (task_work), here it ends at once, under mmap_lock.
 */
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { iSizeRead, iSizeWrite, NAMELESS_FILE } from '../fs/inode.ts';
import { type FileId, NO_FILE } from '../types.ts';
import { SLAB_INODE } from './slab.ts';

export const NEW_LENGTH = point('shmemZeroSetup: new file, its length to be set');
export const NEW_COUNT = point('shmemZeroSetup: as long as the mapping, reference of the VMA to be set');
export const FILE_GETS = point('getFile: one more VMA maps the nameless file');
export const FILE_PUTS = point('fput: one VMA less maps the nameless file');
export const LAST_LENGTH = point('shmemEvictInode: nobody maps the file, how long is it?');

/** Linux: shmem_zero_setup(): a new file for a VMA of so many pages, with the reference of the VMA; NO_FILE if there is none. */
export function* shmemZeroSetup(cpu: Cpu, pages: number): Path<FileId> {
  const file = (yield* cpu.kernel.kmemCacheAlloc(cpu, SLAB_INODE)) as FileId;
  if (file === NO_FILE) return NO_FILE;
  yield* iSizeWrite(cpu, file, pages, NEW_LENGTH);
  if (cpu.at(NEW_COUNT, cpu.inode.fCount.at(file))) yield;
  cpu.inode.fCount.store(file, 1);
  cpu.observer?.zeroSetup(cpu, file, pages);
  return file;
}

/** Linux: get_file(), by a VMA that maps what another one maps. */
export function* getFile(cpu: Cpu, file: FileId): Path<void> {
  if (!isNameless(cpu, file)) return;
  if (cpu.at(FILE_GETS, cpu.inode.fCount.at(file))) yield;
  cpu.inode.fCount.add(file, 1);
}

/** Linux: fput(), by a VMA that is gone. Caller holds mmap_lock and no spinlock. */
export function* fput(cpu: Cpu, file: FileId): Path<void> {
  if (!isNameless(cpu, file)) return;
  if (cpu.at(FILE_PUTS, cpu.inode.fCount.at(file))) yield;
  const former = cpu.inode.fCount.add(file, -1);
  if (former <= 0) cpu.bug(`file ${file} put with f_count ${former}`);
  if (former === 1) yield* cpu.kernel.shmemEvictInode(cpu, file);
}

/**
 * Linux: shmem_evict_inode(): what the file holds goes. Nobody maps it; whoever holds one of its folios must find out under the
 * folio lock.
 */
export function* shmemEvictInode(cpu: Cpu, file: FileId): Path<void> {
  const { kernel } = cpu;
  cpu.observer?.fileEvicted(cpu, file);
  const pages = yield* iSizeRead(cpu, file, LAST_LENGTH);
  yield* kernel.shmemUndoRange(cpu, file, 0, pages);
  yield* kernel.kmemCacheFree(cpu, SLAB_INODE, file);
}

function isNameless(cpu: Cpu, file: FileId): boolean {
  return cpu.inode.memory.load(file) === NAMELESS_FILE;
}
