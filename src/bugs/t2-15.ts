/**
 * T2-15, 2020, sh, sparc32 and others: the architecture's own destructor of a page table frees the page at once instead of
 * queueing it behind the flush.
 */
import { definePatch } from './patch.ts';

export const t215 = definePatch({
  name: 't2-15',
  says: 'a page table is freed the moment it is unhooked, before the flush',
  year: 2020,
  source: 'https://lore.kernel.org/r/20200717111349.533637732@infradead.org',

  *tlbRemoveTable(cpu, tlb, pfn, vpn) {
    tlb.freedTables = true;
    yield* cpu.kernel.tlbFlushPteRange(cpu, tlb, vpn, 1);
    yield* cpu.kernel.freePage(cpu, pfn);
  },
});
