/**
 * T1-10, 2013, Linux NUMA balancing and compaction, commit 20841405940e: an entry without rights was taken for one that no TLB
 * can hold, although the flush of the change that took the rights is still to come. So a migration moves the folio, and
 * frees the frame, under a CPU that still uses it.
 */
import { ptePresent } from '../hardware/pte.ts';
import { definePatch } from './patch.ts';

export const t110 = definePatch({
  name: 't1-10',
  says: 'migration of a page whose entry has lost its rights owes no flush, though theirs is pending',
  year: 2013,
  source: 'https://git.kernel.org/torvalds/c/20841405940e',

  *pteAccessible(_cpu, _mm, old) {
    return ptePresent(old);
  },
});
