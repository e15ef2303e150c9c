/** T1-02 in move_ptes(), and in the unmapping of the old place, which would ask late instead: see t1-02-test.ts. */
import { MAINLINE } from '../kernel/kernel.ts';
import { definePatch } from './patch.ts';
import { T102_PATCH, unasked } from './t1-02-test.ts';

export const t102Mremap = definePatch({
  name: 't1-02-mremap',
  says: 'mremap takes an entry that reclaim has emptied for flushed',
  ...T102_PATCH,

  *doMremap(cpu, vrm) {
    return yield* unasked(cpu, MAINLINE.doMremap(cpu, vrm));
  },
});
