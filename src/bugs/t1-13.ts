/**
 * T1-13, 2019, riscv flush_tlb_page() on SMP: the end of the range of a one-page flush is not behind its start, so the range
 * is empty and the flush does nothing.
 */
import { definePatch } from './patch.ts';

export const t113 = definePatch({
  name: 't1-13',
  says: 'the flush of a single page passes on an empty range',
  year: 2019,
  source: 'https://lore.kernel.org/r/alpine.DEB.2.21.9999.1908080923320.31070@viisi.sifive.com',

  *flushTlbPage(cpu, mm, vpn) {
    yield* cpu.kernel.flushTlbMmRange(cpu, mm, vpn, vpn, false);
  },
});
