/** T1-02 in madvise_free_pte_range(): see t1-02-test.ts. */
import { MAINLINE } from '../kernel/kernel.ts';
import { definePatch } from './patch.ts';
import { T102_PATCH, unasked } from './t1-02-test.ts';

export const t102Madvise = definePatch({
  name: 't1-02-madvise',
  says: 'MADV_FREE takes an entry that reclaim has emptied for flushed',
  ...T102_PATCH,

  *madviseFreeRange(cpu, ...rest) {
    yield* unasked(cpu, MAINLINE.madviseFreeRange(cpu, ...rest));
  },
});
