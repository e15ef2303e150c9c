/**
 * T1-01, 2017, commits 99baac21e458 and 4647706ebeee: whoever finds an entry already empty believes that it was flushed,
 * although the thread that emptied it has only put the flush off.
 */
import { definePatch } from './patch.ts';

export const t101 = definePatch({
  name: 't1-01',
  says: 'MADV_DONTNEED beside MADV_DONTNEED: the second finds nothing to flush and returns before the first has flushed',
  year: 2017,
  source: 'https://git.kernel.org/torvalds/c/99baac21e458',

  /** The end of a batch as it was: it flushes what it queued itself, whoever else has a flush pending. */
  *tlbFinishMmu(cpu, tlb) {
    yield* cpu.kernel.tlbFlushMmu(cpu, tlb);
    yield* cpu.kernel.decTlbFlushPending(cpu, tlb.mm);
  },
});
