/** A fault pays before an entry becomes writable, as with v11. */
import { definePatch } from '../bugs/patch.ts';
import { lufFlushVma } from '../policy/luf12-flush.ts';
import { beforeWritable } from './of-both.ts';

export const v12FaultBefore = definePatch({
  name: 'v12-fault-before',
  says: 'luf-v12: a fault flushes its mapping and its mm before an entry becomes writable',
  source: 'findings/luf-v12-flag-late-fault.md',

  ...beforeWritable((cpu, { vma }) => lufFlushVma(cpu, vma)),
});
