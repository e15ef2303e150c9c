/**
 * T2-05, 2018, commit 2ff6ddf19c0e: lazy CPUs are left out of every shootdown, also of one that goes before the freeing of
 * page tables, which they can still walk speculatively.
 */
import { CALL_FLUSH_TLB } from '../kernel/smp/calls.ts';
import { definePatch } from './patch.ts';

export const t205 = definePatch({
  name: 't2-05',
  says: 'lazy CPUs are not told that page tables are about to be freed',
  year: 2018,
  source: 'https://git.kernel.org/torvalds/c/2ff6ddf19c0e',

  *flushTlbMulti(cpu, targets) {
    yield* cpu.kernel.onEachCpuCondMask(cpu, targets, CALL_FLUSH_TLB, cpu.kernel.shouldFlushTlb);
  },
});
