/**
 * T1-05, the follow-up, 2016, commit a2ce2666aa87: whether a moved entry is dirty, and so to be flushed under the locks, was
 * looked up before the entry was taken away; hardware may set D in between. Entries that were clean then are late as in T1-04,
 * and that is how it shows here: no file system of this model maps a page writable and clean for two threads.
 */
import { PTE_D, PTE_NONE, pteLoad, pteWord } from '../hardware/pte.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { leafIndex } from '../kernel/mm/pgtable.ts';
import { point } from '../memory/point.ts';
import { flushedAtTheEnd } from './late-move.ts';
import { definePatch } from './patch.ts';

const LOOKED_UP = point('t1-05-early: old pte, is it dirty?');

export const t105Early = definePatch({
  name: 't1-05-early',
  says: 'mremap looks whether an entry is dirty before it takes it away, and flushes those at once that were',
  year: 2016,
  source: 'https://lore.kernel.org/r/ccf33e20-5126-15c5-a036-918d7a94344b@intel.com',
  ...flushedAtTheEnd,

  *movePte(cpu, oldPte, from, newPte, to) {
    const index = leafIndex(cpu.geometry, from);
    if (cpu.at(LOOKED_UP, pteWord(cpu, oldPte, index))) yield;
    const dirty = (pteLoad(cpu, oldPte, index) & PTE_D) !== 0;
    const moved = yield* MAINLINE.movePte(cpu, oldPte, from, newPte, to);
    return dirty ? moved : PTE_NONE;
  },
});
