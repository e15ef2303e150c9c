/** The routines of mm/shmem.c: memory files. */
import { shmemAllocAndAddFolio, shmemFault, shmemGetFolio } from './shmem.ts';
import {
  shmemFallocate,
  shmemFileReadIter,
  shmemSetattr,
  shmemUndoPage,
  shmemUndoRange,
  shmemWriteBegin,
  shmemWriteEnd,
} from './shmem-file.ts';
import {
  shmemAddToPageCache,
  shmemConfirmSwap,
  shmemDeleteFromPageCache,
  shmemFreeSwap,
  shmemSwapinFolio,
  shmemWriteout,
} from './shmem-swap.ts';
import { fput, getFile, shmemEvictInode, shmemZeroSetup } from './shmem-zero.ts';

export const shmemRoutines = {
  shmemAllocAndAddFolio,
  shmemFault,
  shmemGetFolio,
  shmemFallocate,
  shmemFileReadIter,
  shmemSetattr,
  shmemUndoPage,
  shmemUndoRange,
  shmemWriteBegin,
  shmemWriteEnd,
  shmemAddToPageCache,
  shmemConfirmSwap,
  shmemDeleteFromPageCache,
  shmemFreeSwap,
  shmemSwapinFolio,
  shmemWriteout,
  fput,
  getFile,
  shmemEvictInode,
  shmemZeroSetup,
};
