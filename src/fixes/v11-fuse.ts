/** What a FUSE daemon says, and what it answers, is paid for. What it has dropped is a matter of `v11-invalidated`. */
import { definePatch } from '../bugs/patch.ts';
import { lufFlush } from '../policy/luf-coordinator.ts';
import { atDaemon } from './of-both.ts';

export const v11Fuse = definePatch({
  name: 'v11-fuse',
  says: 'luf-v11: what a FUSE daemon puts into the page cache flushes everything put off first',
  source: 'findings/luf-v11-fuse-store.md',

  ...atDaemon(lufFlush),
});
