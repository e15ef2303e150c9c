/** An entry that was write-protected a moment ago may be writable in a TLB, as with v11. */
import { definePatch } from '../bugs/patch.ts';
import { lufV12Flag } from '../policy/luf-v12-flag.ts';
import { protectedCounts } from './of-both.ts';

export const v12Protected = definePatch({
  name: 'v12-protected',
  says: 'luf-v12-flag: an entry cleared while tlb_flush_pending is raised is flushed as a writable one',
  source: 'findings/luf-v12-write-protect.md',

  setTlbUbcFlushPending: protectedCounts(lufV12Flag.routines.setTlbUbcFlushPending!),
});
