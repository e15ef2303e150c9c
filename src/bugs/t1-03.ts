/**
 * T1-03, 2021, commit 5ee2fa2f0636: that reclaim owes the address space a flush was a mark, not a count. Whoever has flushed
 * clears it, and with it what reclaim has come to owe meanwhile, under another page-table lock.
 */
import { point } from '../memory/point.ts';
import { definePatch } from './patch.ts';

const MARKS = point('t1-03: flush owed, mm to be marked');
const MARKED = point('t1-03: page-table lock held, is the mm marked?');
const CLEARS = point('t1-03: flushed, mark to be cleared');

export const t103 = definePatch({
  name: 't1-03',
  says: 'a walk that has flushed for reclaim clears the mark of flushes that came to be owed since',
  year: 2021,
  source: 'https://lore.kernel.org/r/20211123074344.1877731-1-ying.huang@intel.com',

  *tlbFlushBatchedAdd(cpu, mm) {
    const { tlbFlushBatched } = cpu.mm;
    if (cpu.at(MARKS, tlbFlushBatched.at(mm))) yield;
    tlbFlushBatched.store(mm, 1);
  },

  /** Caller holds the PTL of its own table, not that of the entries that reclaim unhooks now. */
  *flushTlbBatchedPending(cpu, mm) {
    const { tlbFlushBatched } = cpu.mm;
    if (cpu.at(MARKED, tlbFlushBatched.at(mm))) yield;
    if (tlbFlushBatched.load(mm) === 0) return;
    yield* cpu.kernel.archFlushTlbBatchedPending(cpu, mm);
    if (cpu.at(CLEARS, tlbFlushBatched.at(mm))) yield;
    tlbFlushBatched.store(mm, 0);
  },
});
