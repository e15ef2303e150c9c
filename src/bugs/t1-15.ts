/**
 * T1-15, 2018, XNU pmap_flush(), Project Zero issue 1716: the set of CPUs to be flushed is one machine word, and CPUs beyond
 * it are left out. The word has `cpumaskBits` bits here.
 */
import { MAINLINE } from '../kernel/kernel.ts';
import { definePatch } from './patch.ts';

export const t115 = definePatch({
  name: 't1-15',
  says: 'a shootdown looks at the first word of the set of CPUs only',
  year: 2018,
  source: 'https://projectzero.google/2019/01/taking-page-from-kernels-book-tlb-issue.html',

  *flushTlbMulti(cpu, targets) {
    const first = targets.filter((id) => id < cpu.geometry.cpumaskBits || id === cpu.id);
    yield* MAINLINE.flushTlbMulti(cpu, first);
  },
});
