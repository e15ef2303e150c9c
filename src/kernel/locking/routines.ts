/** The routines of `locking/` that go into the kernel record. */
import { lockdepAssertIrqsEnabled } from './preempt.ts';
import { readLockIrqsave, readUnlockIrqrestore, writeLockIrqsave, writeUnlockIrqrestore } from './rwlock.ts';
import { downgradeWrite, downRead, downReadTrylock, downWrite, upRead, upWrite } from './rwsem.ts';
import { spinLock, spinLockIrqsave, spinTrylock, spinUnlock, spinUnlockIrqrestore } from './spinlock.ts';

export const lockingRoutines = {
  lockdepAssertIrqsEnabled,
  spinLock,
  spinUnlock,
  spinTrylock,
  spinLockIrqsave,
  spinUnlockIrqrestore,
  readLockIrqsave,
  readUnlockIrqrestore,
  writeLockIrqsave,
  writeUnlockIrqrestore,
  downRead,
  downReadTrylock,
  upRead,
  downWrite,
  upWrite,
  downgradeWrite,
};
