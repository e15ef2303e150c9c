/**
 * Linux: fs/nfs/file.c: the calls at which a client promises to see what others have written, and to have sent what it wrote
 * itself. Close-to-open: what a client wrote before close(2) is seen by who opens the file afterwards. Locks: likewise from
 * unlock to lock. The locks here are of bytes that nobody else asks for, so each is granted at once.
 *
 * Left out: O_DIRECT, and errors of the server.
 */
import type { Pfn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { FileId } from '../types.ts';

/**
 * open(2): Linux: nfs_file_open(), with the GETATTR of its look-up (nfs_lookup_verify_inode()) and the nfs_revalidate_mapping() of the
 * first use of the descriptor, by read(2) or mmap(2). 0 or a negative errno.
 */
export function* nfsFileOpen(cpu: Cpu, file: FileId): Path<number> {
  return yield* cpu.kernel.nfsRevalidateMapping(cpu, file);
}

/** close(2): Linux: nfs_file_flush(): what is dirty goes to the server. 0. */
export function* nfsFileFlush(cpu: Cpu, file: FileId): Path<number> {
  yield* cpu.kernel.vfsFsyncRange(cpu, file, 0, cpu.geometry.filePages);
  return 0;
}

/**
 * fcntl(F_SETLK): Linux: do_setlk(). Dirty pages go to the server before the lock is asked for; when it is there, all that is cached
 * counts as old. Linux drops it at once if the file is mapped, else at the next use; here at once. Request and answer touch no
 * word of either side, so there is nothing here between the first flush and Linux's second.
 */
export function* doSetlk(cpu: Cpu, file: FileId): Path<number> {
  const { kernel, geometry } = cpu;
  yield* kernel.vfsFsyncRange(cpu, file, 0, geometry.filePages);
  yield* kernel.nfsZapCaches(cpu, file);
  return yield* kernel.nfsRevalidateMapping(cpu, file);
}

/** fcntl(F_UNLCK): Linux: do_unlk(): dirty pages go to the server before the lock does. 0. */
export function* doUnlk(cpu: Cpu, file: FileId): Path<number> {
  yield* cpu.kernel.vfsFsyncRange(cpu, file, 0, cpu.geometry.filePages);
  return 0;
}

/** a_ops->launder_folio: Linux: nfs_launder_folio(): the folio is written, and stays locked meanwhile. Caller holds its lock. */
export function* launderFolio(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<void> {
  const { kernel } = cpu;
  if (!(yield* kernel.folioClearDirtyForIo(cpu, folio))) return;
  yield* kernel.folioStartWriteback(cpu, folio);
  yield* kernel.finishWriteback(cpu, file, index, folio);
}
