/** What a FUSE daemon says, and what it answers, is paid for. What it has dropped flushes in v12 as published. */
import { definePatch } from '../bugs/patch.ts';
import { lufFlushMapping } from '../policy/luf12-flush.ts';
import { atDaemon } from './of-both.ts';

export const v12Fuse = definePatch({
  name: 'v12-fuse',
  says: 'luf-v12: what a FUSE daemon puts into the page cache flushes the mapping first',
  source: 'findings/luf-v12-flag-fuse-store.md',

  ...atDaemon(lufFlushMapping),
});
