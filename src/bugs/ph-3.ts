/**
 * PH-3, 2018, a proposal on the kernel list: anonymous pages that mremap moves need no flush of their own, for a store
 * through the old place still reaches the same frame. Taken to its end: none of them is flushed.
 */
import { definePatch } from './patch.ts';

export const ph3 = definePatch({
  name: 'ph-3',
  says: 'mremap does not flush the old place of anonymous pages',
  year: 2018,
  source: 'https://lore.kernel.org/r/20180605171319.uc5jxdkxopio6kg3@techsingularity.net',

  /** mremap is the only caller, and all memory is anonymous. */
  *flushTlbRange() {},
});
