/**
 * T2-24, 2018, gVisor, Project Zero issue 1674: a table is freed and used again, perhaps at another level, without an
 * invalidation of the paging-structure caches. Pages are flushed, so it takes a table that maps none any more.
 */
import { definePatch } from './patch.ts';

export const t224 = definePatch({
  name: 't2-24',
  says: 'an unhooked page table is no reason for a flush',
  year: 2018,
  source: 'https://projectzero.google/2019/01/taking-page-from-kernels-book-tlb-issue.html',

  *tlbRemoveTable(_cpu, tlb, pfn) {
    tlb.tables.push(pfn);
  },
});
