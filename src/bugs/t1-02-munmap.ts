/** T1-02 in zap_pte_range(), for munmap, MADV_DONTNEED, truncation and exit: see t1-02-test.ts. */
import { MAINLINE } from '../kernel/kernel.ts';
import { definePatch } from './patch.ts';
import { T102_PATCH, unasked } from './t1-02-test.ts';

export const t102Munmap = definePatch({
  name: 't1-02-munmap',
  says: 'munmap, DONTNEED and truncation take an entry that reclaim has emptied for flushed',
  ...T102_PATCH,

  *zapPteRange(cpu, ...rest) {
    yield* unasked(cpu, MAINLINE.zapPteRange(cpu, ...rest));
  },
});
