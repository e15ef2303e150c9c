/** The routines of `tlb/` that go into the kernel record. */
import {
  archFlushTlbBatchedPending,
  archTlbbatchAddPending,
  archTlbbatchFlush,
  flushTlbBatchedPending,
  pteAccessible,
  setTlbUbcFlushPending,
  tlbFlushBatchedAdd,
  tryToUnmapFlush,
  tryToUnmapFlushDirty,
} from './batch.ts';
import { flushTlbFunc, runFlushLocally } from './flush-func.ts';
import { flushTlbMulti, shouldFlushTlb } from './flush-multi.ts';
import { flushTlbMm, flushTlbMmRange, flushTlbPage, flushTlbRange, incMmTlbGen } from './flush-tlb.ts';
import { enterLazyTlb, leaveMm } from './lazy.ts';
import { switchMmIrqsOff } from './switch-mm.ts';

export const tlbRoutines = {
  flushTlbMmRange,
  flushTlbMm,
  flushTlbPage,
  flushTlbRange,
  incMmTlbGen,
  flushTlbMulti,
  shouldFlushTlb,
  flushTlbFunc,
  runFlushLocally,
  switchMmIrqsOff,
  enterLazyTlb,
  leaveMm,
  pteAccessible,
  setTlbUbcFlushPending,
  tlbFlushBatchedAdd,
  archTlbbatchAddPending,
  tryToUnmapFlush,
  tryToUnmapFlushDirty,
  archTlbbatchFlush,
  flushTlbBatchedPending,
  archFlushTlbBatchedPending,
};
