/** The routines of `fs/` that go into the kernel record. */
import { submitBioRead, submitBioWrite } from './bio.ts';
import {
  filemapAddFolio,
  filemapGetFolio,
  filemapGrabFolio,
  filemapReadFolio,
  filemapRemoveFolio,
  folioTestUptodate,
} from './filemap.ts';
import { filemapFault, filemapFillFolio } from './filemap-fault.ts';
import { folioLock, folioTrylock, folioUnlock, folioWaitLocked, folioWaitWriteback } from './folio-lock.ts';
import {
  filemapInvalidateLock,
  filemapInvalidateLockShared,
  filemapInvalidateUnlock,
  filemapInvalidateUnlockShared,
  inodeLock,
  inodeUnlock,
} from './inode.ts';
import {
  fileEndWrite,
  filemapRead,
  genericPerformWrite,
  sysRead,
  sysWrite,
  vfsWrite,
  writeBegin,
  writeEnd,
} from './read-write.ts';
import { sysTruncate, truncateInodePage, truncatePagecache, unmapMappingRange } from './truncate.ts';
import {
  folioClearDirtyForIo,
  folioMarkDirty,
  folioTestDirty,
  sysFsync,
  writebackPage,
  writeFolio,
} from './writeback.ts';

export const fsRoutines = {
  submitBioRead,
  submitBioWrite,
  filemapGetFolio,
  filemapGrabFolio,
  filemapAddFolio,
  filemapReadFolio,
  filemapRemoveFolio,
  folioTestUptodate,
  filemapFault,
  filemapFillFolio,
  folioLock,
  folioTrylock,
  folioUnlock,
  folioWaitLocked,
  folioWaitWriteback,
  inodeLock,
  inodeUnlock,
  filemapInvalidateLock,
  filemapInvalidateUnlock,
  filemapInvalidateLockShared,
  filemapInvalidateUnlockShared,
  sysRead,
  filemapRead,
  sysWrite,
  vfsWrite,
  fileEndWrite,
  genericPerformWrite,
  writeBegin,
  writeEnd,
  sysTruncate,
  truncatePagecache,
  truncateInodePage,
  unmapMappingRange,
  folioMarkDirty,
  folioTestDirty,
  folioClearDirtyForIo,
  writeFolio,
  sysFsync,
  writebackPage,
};
