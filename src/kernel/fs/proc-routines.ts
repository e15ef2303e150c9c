/** The routines of fs/proc/task_mmu.c. */
import {
  clearRefsMm,
  clearRefsPteRange,
  clearRefsVma,
  clearRefsWrite,
  clearSoftDirty,
  clearVmSoftdirty,
} from './clear-refs.ts';
import { pagemapRead, pteToPagemapEntry } from './pagemap.ts';

export const procRoutines = {
  clearRefsWrite,
  clearVmSoftdirty,
  clearRefsMm,
  clearRefsVma,
  clearRefsPteRange,
  clearSoftDirty,
  pagemapRead,
  pteToPagemapEntry,
};
