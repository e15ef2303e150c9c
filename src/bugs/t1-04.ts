/**
 * T1-04, 2018, CVE-2018-18281, commit eb66ae030829: mremap flushes the old place after it has let go of the lock that keeps
 * the moved page's life in its own hands. With files that lock is the page-table lock, because truncation and reclaim take
 * no other; of anonymous memory mmap_lock decides, so here the flush comes after mmap_lock.
 */
import { MAINLINE } from '../kernel/kernel.ts';
import { definePatch } from './patch.ts';

export const t104 = definePatch({
  name: 't1-04',
  says: 'mremap flushes the old place only when others can already free the page at the new one',
  year: 2018,
  source: 'https://git.kernel.org/torvalds/c/eb66ae030829',

  /** mremap is the only caller: nothing while the locks are held. */
  *flushTlbRange() {},

  *doMremap(cpu, vrm) {
    const result = yield* MAINLINE.doMremap(cpu, vrm);
    if (result >= 0) yield* cpu.kernel.flushTlbMmRange(cpu, vrm.mm, vrm.from, vrm.from + vrm.pages, true);
    return result;
  },
});
