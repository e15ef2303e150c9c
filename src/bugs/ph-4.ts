/**
 * PH-4, 2006, a report on the kernel list: fork makes the parent's entries read-only and flushes later. Linux may, because
 * mmap_lock is held until the flush; here the flush slips past the lock.
 */
import { NO_VMA, vmaAt, vmaRange } from '../kernel/mm/vma-tree.ts';
import { ENOMEM } from '../kernel/types.ts';
import { definePatch } from './patch.ts';

export const ph4 = definePatch({
  name: 'ph-4',
  says: 'fork flushes the write-protected entries of the parent after it has dropped mmap_lock',
  year: 2006,
  source: 'https://lkml.iu.edu/hypermail/linux/kernel/0610.2/1488.html',

  *dupMmap(cpu, child, parent) {
    const { kernel, mm } = cpu;
    yield* kernel.mmapWriteLock(cpu, parent);
    yield* kernel.mmapWriteLock(cpu, child);
    mm.totalVm.store(child, mm.totalVm.load(parent));
    let error = 0;
    for (let i = 0, vma = vmaAt(cpu, parent, 0); error === 0 && vma !== NO_VMA; vma = vmaAt(cpu, parent, ++i)) {
      yield* kernel.vmaStartWrite(cpu, parent, vma);
      const range = vmaRange(cpu, vma);
      const copy = yield* kernel.vmaLink(cpu, child, range);
      error = copy === NO_VMA ? ENOMEM : yield* kernel.copyPageRange(cpu, child, parent, range.start, range.end);
    }
    yield* kernel.mmapWriteUnlock(cpu, child);
    yield* kernel.mmapWriteUnlock(cpu, parent);
    yield* kernel.flushTlbMm(cpu, parent);
    return error;
  },
});
