/**
 * T1-05, the follow-up, 2016, commit a2ce2666aa87: whether a moved entry is dirty, and so to be flushed under the locks, was
 * looked up before the entry was taken away; hardware may set D in between. Entries that were clean then are late as in T1-04,
 * and that is how it shows here: no file system of this model maps a page writable and clean for two threads.
 */
import { PTE_D } from '../hardware/pte.ts';
import { flushedAtTheEnd } from './late-move.ts';
import { definePatch } from './patch.ts';

export const t105Early = definePatch({
  name: 't1-05-early',
  says: 'mremap looks whether an entry is dirty before it takes it away, and flushes those at once that were',
  year: 2016,
  source: 'https://lore.kernel.org/r/ccf33e20-5126-15c5-a036-918d7a94344b@intel.com',
  ...flushedAtTheEnd,

  *moveForcesFlush(_cpu, seen) {
    return (seen & PTE_D) !== 0;
  },
});
