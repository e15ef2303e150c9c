/** What fork has write-protected and not flushed yet tells `v12-protected` so. */
import { definePatch } from '../bugs/patch.ts';
import { FORK_TELLS } from './of-both.ts';

export const v12Fork = definePatch({
  name: 'v12-fork',
  says: 'luf-v12: fork raises tlb_flush_pending while entries of the parent are write-protected and not flushed',
  source: 'findings/luf-v12-fork-protect.md',

  ...FORK_TELLS,
});
