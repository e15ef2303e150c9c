/** The routines of `smp/` that go into the kernel record. */
import { onEachCpuCondMask, smpCallFunctionMany, smpSendCalls, smpWaitForCalls } from './call-function.ts';
import { flushSmpCallFunctionQueue, runCall } from './call-queue.ts';

export const smpRoutines = {
  smpCallFunctionMany,
  onEachCpuCondMask,
  smpSendCalls,
  smpWaitForCalls,
  flushSmpCallFunctionQueue,
  runCall,
};
