/**
 * T2-06, 2025, CVE-2025-22045, commit 3ef938c35035: the flush behind an unhooked page table covers its range, but does not say
 * that a table goes, and so passes over lazy CPUs, which may walk it. There khugepaged unhooked the table; here it is whoever
 * unmaps.
 */
import { definePatch } from './patch.ts';

export const t206 = definePatch({
  name: 't2-06',
  says: 'the flush of an unhooked page table does not say that a table is freed',
  year: 2025,
  source: 'https://git.kernel.org/torvalds/c/3ef938c35035',

  *tlbRemoveTable(cpu, tlb, pfn, vpn) {
    yield* cpu.kernel.tlbFlushPteRange(cpu, tlb, vpn, 1);
    tlb.tables.push(pfn);
  },
});
