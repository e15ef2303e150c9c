/** The routines of `rcu/` that go into the kernel record. */
import { rcuAdvance, rcuBarrier, rcuDefer, synchronizeRcuExpedited } from './callbacks.ts';
import { rcuExpHandler, rcuIdleEnter, rcuIdleExit, rcuQs, rcuReadUnlock, rcuSchedClockIrq } from './rcu.ts';

export const rcuRoutines = {
  rcuReadUnlock,
  rcuQs,
  rcuIdleEnter,
  rcuIdleExit,
  rcuSchedClockIrq,
  rcuExpHandler,
  rcuDefer,
  rcuAdvance,
  rcuBarrier,
  synchronizeRcuExpedited,
};
