/**
 * Reclaim puts a folio back as soon as it decides to keep it. It may have unmapped it by then and still owe the flush: whoever
 * isolates it next, migration for one, finds it unmapped and frees a frame that TLBs still lead to.
 */
import { definePatch } from './patch.ts';

export const keptEarly = definePatch({
  name: 'kept-early',
  says: 'folios that reclaim unmaps and then keeps are put back before the flush',
  source: 'Linux mm/vmscan.c, shrink_folio_list(), the list ret_folios; found in this model by hunting mainline',

  *shrinkFolioList(cpu, folios) {
    const { kernel } = cpu;
    const batch = yield* kernel.reclaimBatchInit(cpu);
    let freed = 0;
    for (const folio of folios) {
      if (yield* kernel.shrinkFolio(cpu, folio)) {
        freed++;
        yield* kernel.reclaimedAdd(cpu, batch, folio);
      } else yield* kernel.folioPutbackLru(cpu, folio);
    }
    yield* kernel.freeReclaimed(cpu, batch);
    return freed;
  },
});
