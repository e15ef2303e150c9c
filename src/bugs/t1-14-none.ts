/**
 * T1-14, second form, Redox merge request 282 (which brought shootdowns): no CPU is told that an entry it may have cached
 * has gone, and none can find out later.
 */
import { definePatch } from './patch.ts';

export const t114None = definePatch({
  name: 't1-14-none',
  says: 'there is no shootdown',
  source: 'https://gitlab.redox-os.org/redox-os/kernel/-/merge_requests/282',

  *flushTlbMmRange() {},
});
