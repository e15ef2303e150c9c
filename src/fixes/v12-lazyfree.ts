/** What MADV_FREE has given up reads as zeros once it is discarded, as with v11. */
import { definePatch } from '../bugs/patch.ts';
import { LUF12_TASK } from '../policy/luf12-tables.ts';
import { discardCounts } from './of-both.ts';

export const v12Lazyfree = definePatch({
  name: 'v12-lazyfree',
  says: 'luf-v12: a page that is discarded, as MADV_FREE allows, is flushed like one with a writable entry',
  source: 'findings/luf-v12-flag-lazyfree.md',

  discardLazyfree: discardCounts((cpu) => cpu.wordsOf(LUF12_TASK).canLuf),
});
