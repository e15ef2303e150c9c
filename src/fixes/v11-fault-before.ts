/** A fault pays before an entry becomes writable. */
import { definePatch } from '../bugs/patch.ts';
import { lufFlush } from '../policy/luf-coordinator.ts';
import { beforeWritable } from './of-both.ts';

export const v11FaultBefore = definePatch({
  name: 'v11-fault-before',
  says: 'luf-v11: a fault flushes everything put off before an entry becomes writable',
  source: 'findings/luf-v11-store-behind-fault.md',

  ...beforeWritable(lufFlush),
});
