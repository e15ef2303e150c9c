/**
 * T1-08, 2021, Linux proc clear_refs, commit 912efa17e512: the flush is left to the end of a gather into which nothing was
 * gathered, so since commit 0758cd830494 there is none. A store through a cached writable entry is never seen.
 */
import { vmasIn } from '../kernel/mm/vma-tree.ts';
import { definePatch } from './patch.ts';

export const t108 = definePatch({
  name: 't1-08',
  says: 'a clear of the soft-dirty marks flushes only what it has gathered, and it gathers nothing',
  year: 2021,
  source: 'https://git.kernel.org/torvalds/c/912efa17e512',

  *clearRefsMm(cpu, mm) {
    const { kernel } = cpu;
    const tlb = yield* kernel.tlbGatherMmu(cpu, mm);
    for (const vma of vmasIn(cpu, mm, 0, cpu.geometry.pages)) {
      yield* kernel.vmaStartWrite(cpu, mm, vma);
      yield* kernel.clearRefsVma(cpu, mm, vma);
    }
    yield* kernel.tlbFinishMmu(cpu, tlb);
  },
});
