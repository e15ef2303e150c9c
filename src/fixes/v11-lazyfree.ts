/** A page that MADV_FREE has given up does not keep its content when it is unmapped: it reads as zeros then. */
import { definePatch } from '../bugs/patch.ts';
import { LUF_TASK } from '../policy/luf-tables.ts';
import { discardCounts } from './of-both.ts';

export const v11Lazyfree = definePatch({
  name: 'v11-lazyfree',
  says: 'luf-v11: a page that is discarded, as MADV_FREE allows, is flushed like one with a writable entry',
  source: 'findings/luf-v11-lazyfree.md',

  discardLazyfree: discardCounts((cpu) => cpu.wordsOf(LUF_TASK).canLuf),
});
