/**
 * T2-04, 2018, merge 706a1ea65e, Project Zero issue 1633: tables wait for their flush in a batch; when there is no memory
 * for the batch, the table is freed once software walkers have left it, and hardware is forgotten.
 */
import { MAINLINE } from '../kernel/kernel.ts';
import { NO_PAGE } from '../kernel/mm/page-alloc.ts';
import { OWNER_KERNEL } from '../kernel/observer.ts';
import { definePatch } from './patch.ts';

export const t204 = definePatch({
  name: 't2-04',
  says: 'when memory for the batch of tables runs out, a table is freed before it is flushed',
  year: 2018,
  source: 'https://git.kernel.org/torvalds/c/d86564a2f085',

  *tlbRemoveTable(cpu, tlb, pfn, vpn) {
    // the page of the batch, taken only to learn whether it can be had
    const batch = yield* cpu.kernel.allocPage(cpu, OWNER_KERNEL);
    if (batch !== NO_PAGE) {
      yield* cpu.kernel.freePage(cpu, batch);
      yield* MAINLINE.tlbRemoveTable(cpu, tlb, pfn, vpn);
      return;
    }
    tlb.freedTables = true;
    yield* cpu.kernel.tlbFlushPteRange(cpu, tlb, vpn, 1);
    yield* cpu.kernel.tlbRemoveTableFree(cpu, pfn);
    yield* cpu.kernel.rcuBarrier(cpu);
  },
});
