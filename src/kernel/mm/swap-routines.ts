/** The routines of `mm/` about anonymous folios as reclaim and migration see them: the way to their entries, swap. */
import { anonVmaLockRead, anonVmaUnlockRead, unlinkAnonVmas } from './anon-vma.ts';
import {
  discardLazyfree,
  folioMarkLazyfree,
  isLazyfree,
  isOnlyMapping,
  madviseFreePte,
  removeLazyfree,
} from './lazyfree.ts';
import { madviseFree, madviseFreeRange } from './madvise-free.ts';
import { folioMigrateAnonMapping } from './migrate-anon.ts';
import { getTaskMm, isolateMapped, isolateMmRange, migrateMmRange, mmgetNotZero, reclaimMmRange } from './mm-range.ts';
import { folioAddAnonRmapPte, folioTryShareAnonRmapPte, pageAnonExclusive } from './rmap.ts';
import { rmapWalk, rmapWalkAnon } from './rmap-walk.ts';
import { doSwapPage, mapSwapFolio } from './swap-fault.ts';
import {
  readSwapCacheAsync,
  swapCacheAddFolio,
  swapCacheDelFolio,
  swapCacheGetFolio,
  swapReadFolio,
} from './swap-state.ts';
import {
  folioAllocSwap,
  folioFreeSwap,
  freeSwapAndCache,
  freeSwapCache,
  swapDuplicate,
  swapFree,
  tryToReclaimSwap,
} from './swapfile.ts';
import { setSwapPte } from './try-to-unmap.ts';
import { addToSwap, swapWriteout } from './vmscan.ts';

export const swapRoutines = {
  anonVmaLockRead,
  anonVmaUnlockRead,
  unlinkAnonVmas,
  discardLazyfree,
  folioMarkLazyfree,
  isLazyfree,
  isOnlyMapping,
  madviseFree,
  madviseFreePte,
  madviseFreeRange,
  removeLazyfree,
  folioMigrateAnonMapping,
  getTaskMm,
  isolateMapped,
  isolateMmRange,
  migrateMmRange,
  mmgetNotZero,
  reclaimMmRange,
  folioAddAnonRmapPte,
  folioTryShareAnonRmapPte,
  pageAnonExclusive,
  rmapWalk,
  rmapWalkAnon,
  doSwapPage,
  mapSwapFolio,
  readSwapCacheAsync,
  swapCacheAddFolio,
  swapCacheDelFolio,
  swapCacheGetFolio,
  swapReadFolio,
  folioAllocSwap,
  folioFreeSwap,
  freeSwapAndCache,
  freeSwapCache,
  swapDuplicate,
  swapFree,
  tryToReclaimSwap,
  setSwapPte,
  addToSwap,
  swapWriteout,
};
