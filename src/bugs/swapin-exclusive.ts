/**
 * A page that comes back from swap is mapped writable as if its address space had it alone. Whether it does is what the
 * exclusive mark of the swap entry remembers, which fork takes away.
 */
import type { PteLo } from '../hardware/types.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { PTE_SWP_EXCLUSIVE } from '../kernel/mm/pte-prot.ts';
import { definePatch } from './patch.ts';

export const swapinExclusive = definePatch({
  name: 'swapin-exclusive',
  says: 'a fault takes every page that it brings back from swap for exclusive, shared by a fork or not',
  source:
    'what commit 1493a1913e34 (mm/swap: remember PG_anon_exclusive via a swp pte bit, 2022) keeps; without the bit',

  *mapSwapFolio(cpu, vmf, pte, folio) {
    const origPte = (vmf.origPte | PTE_SWP_EXCLUSIVE) as PteLo;
    return yield* MAINLINE.mapSwapFolio(cpu, { ...vmf, origPte }, pte, folio);
  },
});
