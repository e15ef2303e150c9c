/** A writable entry that is flushed at once, outside the batch, as with v11. */
import { definePatch } from '../bugs/patch.ts';
import { LUF12_FLUSH_POINTS } from '../policy/luf-v12.ts';
import { LUF12_TASK } from '../policy/luf12-tables.ts';
import { atOnceCounts } from './of-both.ts';

export const v12AtOnce = definePatch({
  name: 'v12-at-once',
  says: 'luf-v12: a writable entry disqualifies its folio also where it is flushed at once',
  source: 'findings/luf-v12-flushed-at-once.md',

  ptepClearFlush: atOnceCounts(LUF12_FLUSH_POINTS.clearedEntry.ptepClearFlush, (cpu) => cpu.wordsOf(LUF12_TASK).canLuf),
});
