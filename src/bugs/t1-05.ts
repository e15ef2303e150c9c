/**
 * T1-05, 2016, commit 5d1904204c99: mremap moves a dirty entry and flushes the old place when the locks are dropped. Page
 * cleaning makes the entry at the new place clean and read-only and flushes that, and a CPU stores through the old one.
 */
import { PTE_NONE } from '../hardware/pte.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { flushedAtTheEnd } from './late-move.ts';
import { definePatch } from './patch.ts';

export const t105 = definePatch({
  name: 't1-05',
  says: 'mremap flushes the old place of dirty pages only when others can already clean them at the new one',
  year: 2016,
  source: 'https://git.kernel.org/torvalds/c/5d1904204c99',
  ...flushedAtTheEnd,

  /** move_ptes() hears of nothing that it would have to flush. */
  *movePte(cpu, ...rest) {
    yield* MAINLINE.movePte(cpu, ...rest);
    return PTE_NONE;
  },
});
