/**
 * T1-16, relative, 2022, Xen on Arm, XSA-393, CVE-2022-23033: an entry that software counts as mapped but hardware as not
 * present is not cleared when its page is freed, and comes back to life with the next change of rights.
 */
import { pteLoad, ptePresent, pteWord } from '../hardware/pte.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { NO_PAGE } from '../kernel/mm/page-alloc.ts';
import { leafIndex } from '../kernel/mm/pgtable.ts';
import { pteMapped, vmNormalPage } from '../kernel/mm/pte-prot.ts';
import { PTE_CLEARED, PTE_NEXT } from '../kernel/mm/zap.ts';
import { definePatch } from './patch.ts';

export const t116Invalid = definePatch({
  name: 't1-16-invalid',
  says: 'a page is freed with its entry left in place if hardware cannot use the entry at that moment',
  year: 2022,
  source: 'https://github.com/xen-project/xen/commit/a428b913a0',

  /** Caller holds the PTL. */
  *zapPte(cpu, tlb, pte, vpn, details) {
    const index = leafIndex(cpu.geometry, vpn);
    if (cpu.at(PTE_NEXT, pteWord(cpu, pte, index))) yield;
    const entry = pteLoad(cpu, pte, index);
    if (!pteMapped(entry) || ptePresent(entry)) return yield* MAINLINE.zapPte(cpu, tlb, pte, vpn, details);
    const page = vmNormalPage(entry);
    if (page === NO_PAGE) return false;
    yield* cpu.kernel.folioRemoveRmapPte(cpu, page, PTE_CLEARED);
    return yield* cpu.kernel.tlbRemovePage(cpu, tlb, page);
  },
});
