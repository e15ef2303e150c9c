/**
 * T1-08, second half, 2021, Linux proc clear_refs, commit 29a951dfb3c3: entries become read-only under the shared mmap_lock. A store that
 * faults before the flush copies the page, while another CPU still writes to it.
 */
import { vmasIn } from '../kernel/mm/vma-tree.ts';
import type { MmId } from '../kernel/types.ts';
import { definePatch } from './patch.ts';
import { reuseByCount } from './reuse-by-count.ts';

export const t108Shared = definePatch({
  name: 't1-08-shared',
  says: 'a clear of the soft-dirty marks lets faults in before its flush, with the rule of 5.11 for what they copy',
  year: 2021,
  source: 'https://git.kernel.org/torvalds/c/29a951dfb3c3',

  *clearRefsWrite(cpu) {
    const { kernel } = cpu;
    const mm = cpu.tasks.mm.load(cpu.current) as MmId;
    yield* kernel.mmapWriteLock(cpu, mm);
    yield* kernel.clearVmSoftdirty(cpu, mm);
    yield* kernel.mmapWriteDowngrade(cpu, mm);
    yield* kernel.incTlbFlushPending(cpu, mm);
    for (const vma of vmasIn(cpu, mm, 0, cpu.geometry.pages)) yield* kernel.clearRefsVma(cpu, mm, vma);
    yield* kernel.flushTlbMm(cpu, mm);
    yield* kernel.decTlbFlushPending(cpu, mm);
    yield* kernel.mmapReadUnlock(cpu, mm);
    return 0;
  },
  wpCanReuseAnonFolio: reuseByCount,
});
