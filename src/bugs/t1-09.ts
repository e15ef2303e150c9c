/**
 * T1-09, 2017, Linux KSM, commit b3a81d0841a9: an entry that looked as if nobody could write through it was merged without a flush,
 * although whoever made it look so had a flush pending. Then two operations had to come together: MADV_FREE cleared D, clear_refs
 * cleared RW. Today an exclusive page is flushed whatever its entry looks like, so that alone takes the mistake's harm away; and
 * what MADV_FREE is about to discard may be lost. Here the entry's dirty bit and the exclusive mark are not asked for either, and
 * NUMA hints take RW.
 */
import { pteWrite } from '../hardware/pte.ts';
import { definePatch } from './patch.ts';

export const t109 = definePatch({
  name: 't1-09',
  says: 'KSM merges a page whose entry is not writable without a flush, though one is pending',
  year: 2017,
  source: 'https://git.kernel.org/torvalds/c/b3a81d0841a9',

  *ksmNeedsFlush(_cpu, _mm, entry) {
    return pteWrite(entry);
  },
});
