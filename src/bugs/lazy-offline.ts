/**
 * A CPU goes offline with an address space borrowed: its idle task, which nobody will ever switch away from, keeps the reference, and
 * the page tables stay loaded until the CPU halts. On kernels that tell lazy CPUs of an exit instead of counting them (powerpc) an exit
 * misses the CPU; Linux leaves the address space earlier since commit 'lazy tlb: fix hotplug exit race with MMU_LAZY_TLB_SHOOTDOWN'.
 */
import { definePatch } from './patch.ts';

export const lazyOffline = definePatch({
  name: 'lazy-offline',
  says: 'a CPU goes offline without giving its borrowed address space back',
  year: 2023,
  source: 'https://lore.kernel.org/r/20230524060455.147699-1-npiggin@gmail.com',

  *schedForceInitMm() {},
});
