/**
 * T1-07, 2021, Linux userfaultfd, commit 6ce64428d620: a page is write-protected under the shared mmap_lock and the flush comes
 * at the end; a store that faults meanwhile copies the page, while another CPU still writes to it. The mistake that protected
 * pages which were to be unprotected is not put back: protection alone does it.
 */
import { definePatch } from './patch.ts';
import { reuseByCount } from './reuse-by-count.ts';

export const t107 = definePatch({
  name: 't1-07',
  says: 'a store to a write-protected page copies it while the flush of the protection is pending, with the rule of 5.11 for what is copied',
  year: 2021,
  source: 'https://git.kernel.org/torvalds/c/6ce64428d620',

  *flushUffdWpPending() {
    // the copy is made at once
  },
  wpCanReuseAnonFolio: reuseByCount,
});
