/**
 * T2-16, 2020, powerpc radix, commit 0ed1325967ab: a batch of tables that is full goes to the deferred freeing without an
 * invalidation. `gatherBatch` is how many tables fill it.
 */
import { MAINLINE } from '../kernel/kernel.ts';
import { definePatch } from './patch.ts';

export const t216 = definePatch({
  name: 't2-16',
  says: 'a full batch of page tables is given to RCU before it is flushed',
  year: 2020,
  source: 'https://lore.kernel.org/r/20191218053530.73053-2-aneesh.kumar@linux.ibm.com',

  *tlbRemoveTable(cpu, tlb, pfn, vpn) {
    yield* MAINLINE.tlbRemoveTable(cpu, tlb, pfn, vpn);
    if (tlb.tables.length < cpu.geometry.gatherBatch) return;
    for (const table of tlb.tables.splice(0)) yield* cpu.kernel.tlbRemoveTableFree(cpu, table);
  },
});
