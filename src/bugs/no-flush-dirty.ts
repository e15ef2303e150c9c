/**
 * Reclaim batches its flushes, and writes a dirty page out with the flush of its mappings still owed: a CPU that has the entry
 * cached as writable and dirty goes on storing to the page, behind the copy that will come back from the device.
 */
import { definePatch } from './patch.ts';

export const noFlushDirty = definePatch({
  name: 'no-flush-dirty',
  says: 'reclaim writes a page out without flushing the dirty entries it has unmapped in its batch',
  source: 'what commit d950c9477d51 (mm: defer flush of writable TLB entries, 2015) flushes for; without that flush',

  *tryToUnmapFlushDirty() {},
});
