/** Wrong on purpose: frees pages and tables without flushing anything anywhere. The hunter must convict it. */
import { definePolicy } from './policy.ts';

const NONE = 'nothing is flushed';

export const never = definePolicy({
  name: 'never',
  says: 'never flushes: wrong on purpose',
  base: 'mainline 6.18',
  gates: { frameReuse: NONE, vaReuse: NONE, tableFree: NONE, narrowing: NONE, content: NONE, atomicAlloc: NONE },
  *flushTlbMmRange() {
    // no flush, no IPI, and no generation that a switch could catch up with
  },
  *archTlbbatchAddPending() {},
  *archTlbbatchFlush() {},
});
