/** The look-up in the swap cache reads the slot again when it has its reference, as that of the page cache does. */
import { definePatch } from '../bugs/patch.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { NO_PAGE } from '../kernel/mm/page-alloc.ts';
import { CLUSTER } from '../kernel/mm/swap-state.ts';
import { point } from '../memory/point.ts';

const RECHECK = point('mainline-swap-recheck: reference taken, is the folio still in its slot?');

export const mainlineSwapRecheck = definePatch({
  name: 'mainline-swap-recheck',
  says: 'mainline: a look-up in the swap cache rechecks the slot once it holds the folio',
  source: 'findings/mainline-swap-lookup.md',
  asksRcu: false,

  *swapCacheGetFolio(cpu, slot) {
    const { cache } = cpu.swap;
    for (;;) {
      const folio = yield* MAINLINE.swapCacheGetFolio(cpu, slot);
      if (folio === NO_PAGE) return folio;
      if (cpu.at(RECHECK, cache.at(CLUSTER, slot))) yield;
      if (cache.load(CLUSTER, slot) === folio) return folio;
      yield* cpu.kernel.folioPut(cpu, folio);
    }
  },
});
