/**
 * T1-04, 2018, CVE-2018-18281, commit eb66ae030829: mremap flushes the old place of a clean page after it has dropped the
 * page-table lock of the new one, under which truncation or reclaim may free the page by then. (Of a dirty page, see T1-05.)
 */
import { PTE_D, PTE_NONE } from '../hardware/pte.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { flushedAtTheEnd } from './late-move.ts';
import { definePatch } from './patch.ts';

export const t104 = definePatch({
  name: 't1-04',
  says: 'mremap flushes the old place only when others can already free the page at the new one',
  year: 2018,
  source: 'https://git.kernel.org/torvalds/c/eb66ae030829',
  ...flushedAtTheEnd,

  /** Of what is clean move_ptes() does not hear. */
  *movePte(cpu, ...rest) {
    const moved = yield* MAINLINE.movePte(cpu, ...rest);
    return (moved & PTE_D) !== 0 ? moved : PTE_NONE;
  },
});
