/**
 * T1-06, 2014, commit 1cf35d47712d: a zap hands the dirty bit to the folio, uncounts the mapping and drops the page-table lock,
 * with the flush still to come. Page cleaning finds the folio unmapped, writes it out and calls it clean, while a CPU
 * goes on storing through its dirty entry. (A gather that is full is flushed under the lock, as today; then it was not.)
 */
import { MAINLINE } from '../kernel/kernel.ts';
import { PTE_CLEARED } from '../kernel/mm/zap.ts';
import { definePatch } from './patch.ts';

export const t106 = definePatch({
  name: 't1-06',
  says: 'dirty pages of a file are flushed only when page cleaning can already find them unmapped',
  year: 2014,
  source: 'https://git.kernel.org/torvalds/c/1cf35d47712d',

  /** Caller holds the PTL. Nothing is left that would have to be flushed before it is dropped. */
  *zapPte(cpu, tlb, pte, vpn, details) {
    const full = yield* MAINLINE.zapPte(cpu, tlb, pte, vpn, details);
    for (const page of tlb.delayedRmap.splice(0)) yield* cpu.kernel.folioRemoveRmapPte(cpu, page, PTE_CLEARED);
    return full;
  },
});
