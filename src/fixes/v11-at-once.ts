/** A writable entry that is flushed at once, outside the batch. */
import { definePatch } from '../bugs/patch.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { LUF_TASK } from '../policy/luf-tables.ts';
import { atOnceCounts } from './of-both.ts';

export const v11AtOnce = definePatch({
  name: 'v11-at-once',
  says: 'luf-v11: a writable entry disqualifies its folio also where it is flushed at once',
  source: 'findings/luf-v11-flushed-at-once.md',

  ptepClearFlush: atOnceCounts(MAINLINE.ptepClearFlush, (cpu) => cpu.wordsOf(LUF_TASK).canLuf),
});
