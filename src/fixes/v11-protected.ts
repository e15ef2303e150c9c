/** An entry that was write-protected a moment ago may be writable in a TLB. */
import { definePatch } from '../bugs/patch.ts';
import { LUF_ROUTINES } from '../policy/luf-v11.ts';
import { protectedCounts } from './of-both.ts';

export const v11Protected = definePatch({
  name: 'v11-protected',
  says: 'luf-v11: an entry cleared while tlb_flush_pending is raised is flushed as a writable one',
  source: 'findings/luf-v11-write-protect.md',

  setTlbUbcFlushPending: protectedCounts(LUF_ROUTINES.setTlbUbcFlushPending),
});
