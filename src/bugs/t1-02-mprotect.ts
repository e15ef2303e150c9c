/** T1-02 in change_pte_range(), for mprotect and NUMA hints: see t1-02-test.ts. */
import { MAINLINE } from '../kernel/kernel.ts';
import { definePatch } from './patch.ts';
import { T102_PATCH, unasked } from './t1-02-test.ts';

export const t102Mprotect = definePatch({
  name: 't1-02-mprotect',
  says: 'mprotect takes an entry that reclaim has emptied for flushed',
  ...T102_PATCH,

  *changePteRange(cpu, ...rest) {
    yield* unasked(cpu, MAINLINE.changePteRange(cpu, ...rest));
  },
});
