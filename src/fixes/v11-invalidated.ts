/**
 * Whoever drops what the page cache has of a file does so because something newer is to be read: everything put off is flushed then,
 * as in v12, whether or not a page was there to be dropped.
 */
import { definePatch } from '../bugs/patch.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { lufFlush } from '../policy/luf-coordinator.ts';

export const v11Invalidated = definePatch({
  name: 'v11-invalidated',
  says: 'luf-v11: invalidate_inode_pages2_range() flushes everything put off once it has gone through the page cache',
  source: 'findings/luf-v11-shared-disk.md',

  *invalidateInodePages2(cpu, file, first, end) {
    const result = yield* MAINLINE.invalidateInodePages2(cpu, file, first, end);
    yield* lufFlush(cpu);
    return result;
  },
});
