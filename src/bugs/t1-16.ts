/**
 * T1-16, 2018, x86 LDT under page-table isolation, commit a0e6e0831c51: a frame is freed and the entry that maps it stays
 * where it is.
 */
import { pteLoad, pteWord } from '../hardware/pte.ts';
import { NO_PAGE } from '../kernel/mm/page-alloc.ts';
import { leafIndex } from '../kernel/mm/pgtable.ts';
import { pteMapped, vmNormalPage } from '../kernel/mm/pte-prot.ts';
import { PTE_CLEARED, PTE_NEXT } from '../kernel/mm/zap.ts';
import { definePatch } from './patch.ts';

export const t116 = definePatch({
  name: 't1-16',
  says: 'a page is freed with its page-table entry left in place',
  year: 2018,
  source: 'https://git.kernel.org/torvalds/c/a0e6e0831c51',

  /** Caller holds the PTL. */
  *zapPte(cpu, tlb, pte, vpn) {
    const index = leafIndex(cpu.geometry, vpn);
    if (cpu.at(PTE_NEXT, pteWord(cpu, pte, index))) yield;
    const entry = pteLoad(cpu, pte, index);
    if (!pteMapped(entry)) return false;
    yield* cpu.kernel.tlbRemoveTlbEntry(cpu, tlb, vpn);
    const page = vmNormalPage(entry);
    if (page === NO_PAGE) return false;
    yield* cpu.kernel.folioRemoveRmapPte(cpu, page, PTE_CLEARED);
    return yield* cpu.kernel.tlbRemovePage(cpu, tlb, page);
  },
});
