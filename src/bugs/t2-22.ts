/**
 * T2-22, 2016, s390, commit 02a8f3abb708: an address space that ends is flushed first and taken down then, while CPUs still
 * have its root loaded and may create entries at any time.
 */
import { MAINLINE } from '../kernel/kernel.ts';
import type { MmuGather } from '../kernel/mm/mmu-gather.ts';
import { TLB_FLUSH_ALL } from '../kernel/tlb/flush-info.ts';
import { definePatch } from './patch.ts';

interface FlushedFirst extends MmuGather {
  flushedFirst?: boolean;
}

export const t222 = definePatch({
  name: 't2-22',
  says: 'exit flushes before it unhooks pages and tables, and not after',
  year: 2016,
  source: 'https://git.kernel.org/torvalds/c/02a8f3abb708',

  *tlbGatherMmuFullmm(cpu, mm) {
    const tlb: FlushedFirst = yield* MAINLINE.tlbGatherMmuFullmm(cpu, mm);
    yield* cpu.kernel.flushTlbMmRange(cpu, mm, 0, TLB_FLUSH_ALL, false);
    tlb.flushedFirst = true;
    return tlb;
  },

  *tlbFlushMmuTlbonly(cpu, tlb) {
    if (!(tlb as FlushedFirst).flushedFirst) yield* MAINLINE.tlbFlushMmuTlbonly(cpu, tlb);
  },
});
