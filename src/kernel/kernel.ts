/**
 * The record of every kernel routine: mainline Linux 6.18. A policy or a patch is this record with some routines
 * replaced; the stepper wraps each routine so that its steps cost the same at any depth of calls.
 */
import { cpuhpRoutines } from './cpuhp/routines.ts';
import { driverRoutines } from './drivers/routines.ts';
import { entryRoutines } from './entry/routines.ts';
import { eventRoutines } from './events/routines.ts';
import { procRoutines } from './fs/proc-routines.ts';
import { fsRoutines } from './fs/routines.ts';
import { lockingRoutines } from './locking/routines.ts';
import { compactionRoutines } from './mm/compaction-routines.ts';
import { deviceRoutines } from './mm/device-routines.ts';
import { filePageRoutines } from './mm/file-routines.ts';
import { gupRoutines } from './mm/gup-routines.ts';
import { ksmRoutines } from './mm/ksm-routines.ts';
import { numaRoutines } from './mm/numa-routines.ts';
import { reclaimRoutines } from './mm/reclaim-routines.ts';
import { mmRoutines } from './mm/routines.ts';
import { shmemRoutines } from './mm/shmem-routines.ts';
import { swapRoutines } from './mm/swap-routines.ts';
import { userfaultfdRoutines } from './mm/userfaultfd-routines.ts';
import { netRoutines } from './net/routines.ts';
import { rcuRoutines } from './rcu/routines.ts';
import { schedRoutines } from './sched/routines.ts';
import { smpRoutines } from './smp/routines.ts';
import { tlbRoutines } from './tlb/routines.ts';

export const MAINLINE = {
  ...lockingRoutines,
  ...rcuRoutines,
  ...mmRoutines,
  ...filePageRoutines,
  ...swapRoutines,
  ...reclaimRoutines,
  ...numaRoutines,
  ...gupRoutines,
  ...compactionRoutines,
  ...shmemRoutines,
  ...ksmRoutines,
  ...deviceRoutines,
  ...fsRoutines,
  ...netRoutines,
  ...tlbRoutines,
  ...smpRoutines,
  ...schedRoutines,
  ...entryRoutines,
  ...procRoutines,
  ...userfaultfdRoutines,
  ...eventRoutines,
  ...driverRoutines,
  ...cpuhpRoutines,
};

export type Kernel = typeof MAINLINE;
