/**
 * 2017, commit 72c0098d92ce: a CPU that comes back finds the TLB state that it had when it went, but the trampoline has loaded the
 * kernel's tables with PCID 0. The next switch of address spaces finds another PCID loaded than the kernel believes in.
 */
import { definePatch } from './patch.ts';

export const replugTlbstate = definePatch({
  name: 'replug-tlbstate',
  says: 'a CPU that comes back online goes on with the TLB state from before',
  year: 2017,
  source: 'https://git.kernel.org/torvalds/c/72c0098d92ce',

  *initializeTlbstateAndFlush() {},
});
