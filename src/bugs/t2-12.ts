/**
 * T2-12, 2018, the series that ends with "mm: Do not lose dirty and access bits in pmdp_invalidate()": an entry is read, and
 * overwritten by a plain store; if hardware sets D in between, nobody hears of it. There it was a huge entry, here a small one.
 */
import { PTE_NONE, pteLoad, pteLoadHigh, pteStore, pteWord } from '../hardware/pte.ts';
import { leafIndex } from '../kernel/mm/pgtable.ts';
import { point } from '../memory/point.ts';
import { definePatch } from './patch.ts';

const ENTRY_WANTED = point('t2-12: entry to be read');
const ENTRY_READ = point('t2-12: entry read, to be overwritten');

export const t212 = definePatch({
  name: 't2-12',
  says: 'an entry that is to be cleared and flushed is read first and cleared then, and a D bit set in between is lost',
  year: 2018,
  source: 'https://lore.kernel.org/r/20171213105756.69879-1-kirill.shutemov@linux.intel.com',

  /** Caller holds the PTL, which does not keep hardware off. */
  *ptepClearFlush(cpu, at, pte) {
    const index = leafIndex(cpu.geometry, at.vpn);
    const word = pteWord(cpu, pte, index);
    if (cpu.at(ENTRY_WANTED, word)) yield;
    const old = pteLoad(cpu, pte, index);
    const hi = pteLoadHigh(cpu, pte, index);
    if (cpu.at(ENTRY_READ, word)) yield;
    pteStore(cpu, pte, index, PTE_NONE, hi);
    if (yield* cpu.kernel.pteAccessible(cpu, at.mm, old)) yield* cpu.kernel.flushTlbPage(cpu, at.mm, at.vpn);
    return old;
  },
});
