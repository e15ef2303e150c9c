/** A page that MADV_FREE has given up does not keep its content when it is unmapped: it reads as zeros then. */
import { definePatch } from '../bugs/patch.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { LUF_TASK } from '../policy/luf-tables.ts';

export const v11Lazyfree = definePatch({
  name: 'v11-lazyfree',
  says: 'luf-v11: a page that is discarded, as MADV_FREE allows, is flushed like one with a writable entry',
  source: 'findings/luf-v11-lazyfree.md',

  *discardLazyfree(cpu, folio, place, pte, old) {
    const isGone = yield* MAINLINE.discardLazyfree(cpu, folio, place, pte, old);
    if (isGone) cpu.wordsOf(LUF_TASK).canLuf.put(cpu.current, 0);
    return isGone;
  },
});
