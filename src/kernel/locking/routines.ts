/** The routines of `locking/` that go into the kernel record. */
import { downgradeWrite, downRead, downReadTrylock, downWrite, upRead, upWrite } from './rwsem.ts';
import { spinLock, spinLockIrqsave, spinTrylock, spinUnlock, spinUnlockIrqrestore } from './spinlock.ts';

export const lockingRoutines = {
  spinLock,
  spinUnlock,
  spinTrylock,
  spinLockIrqsave,
  spinUnlockIrqrestore,
  downRead,
  downReadTrylock,
  upRead,
  downWrite,
  upWrite,
  downgradeWrite,
};
