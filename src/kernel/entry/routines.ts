/** The routines of `entry/` that go into the kernel record. */
import { commonInterrupt } from './interrupt.ts';
import { excPageFault, exitToUserMode } from './user-mode.ts';

export const entryRoutines = { commonInterrupt, exitToUserMode, excPageFault };
