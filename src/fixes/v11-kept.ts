/**
 * A folio that reclaim unmaps and then keeps: what its walk put off cannot be owed under a generation that goes with a freed
 * frame, so it joins what is flushed at the end of the batch. As v12 does, but without a flush of its own.
 */
import { definePatch } from '../bugs/patch.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { foldUbc } from '../policy/luf-batch.ts';
import { LUF_TASK, TLB_UBC_LUF } from '../policy/luf-tables.ts';

export const v11Kept = definePatch({
  name: 'v11-kept',
  says: 'luf-v11: what is put off for a folio that reclaim keeps is flushed with the batch',
  source: 'findings/luf-v11-reclaim-kept.md',

  *shrinkFolio(cpu, folio) {
    const { eligible } = cpu.wordsOf(LUF_TASK);
    const me = cpu.current;
    eligible.put(me, 0);
    const gone = yield* MAINLINE.shrinkFolio(cpu, folio);
    if (!gone && eligible.own(me) !== 0) {
      // that of the folios before it, too: the batch does not know whose CPUs are whose
      foldUbc(cpu, cpu.tlbUbc, cpu.wordsOf(TLB_UBC_LUF));
      eligible.put(me, 0);
    }
    return gone;
  },
});
