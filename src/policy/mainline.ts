/** Linux 6.18 as it is: the kernel routines themselves. */
import { definePolicy } from './policy.ts';

export const mainline = definePolicy({
  name: 'mainline',
  says: 'Linux 6.18: flush before free, lazy CPUs skipped, generations catch up, at most 33 pages one by one',
  base: 'mainline 6.18',
  asksRcu: false,
  gates: {
    frameReuse: 'flushed before the frame is freed',
    vaReuse: 'flushed before the address can be mapped again',
    tableFree: 'flushed, lazy CPUs too, then a grace period',
    narrowing: 'flushed before the call returns',
    content: 'flushed before the page is written out',
    atomicAlloc: 'nothing is owed',
  },
});
