/** What fork has write-protected and not flushed yet tells `v11-protected` so. */
import { definePatch } from '../bugs/patch.ts';
import { FORK_TELLS } from './of-both.ts';

export const v11Fork = definePatch({
  name: 'v11-fork',
  says: 'luf-v11: fork raises tlb_flush_pending while entries of the parent are write-protected and not flushed',
  source: 'findings/luf-v11-fork-protect.md',

  ...FORK_TELLS,
});
