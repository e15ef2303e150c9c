/**
 * CPUs that are switched off and on again (SDM 3A 9.4.4: INIT and STARTUP messages). One that waits for a STARTUP message has no page
 * tables loaded; it executes nothing, translates nothing and takes no interrupt. That its TLB and its paging-structure cache are
 * empty then is what B-11 allows: an INIT alone leaves them as they are.
 */
import { dropAll } from './invalidate.ts';
import type { LogicalCpu } from './logical-cpu.ts';
import type { CpuId } from './types.ts';
import { walkCancel } from './walker.ts';

/** The CPU waits for a STARTUP message. Its own word: no event. */
export function isHalted(cpu: LogicalCpu): boolean {
  return cpu.hw.regs.cr3Pgd.own(cpu.id) === 0;
}

/** HLT for good, then the INIT that ends it: all that this CPU knew of page tables is gone. */
export function haltForStartup(cpu: LogicalCpu): void {
  const { regs } = cpu.hw;
  dropAll(cpu);
  walkCancel(cpu, 0);
  walkCancel(cpu, 1);
  regs.cr3Pgd.put(cpu.id, 0);
  regs.cr3Pcid.put(cpu.id, 0);
}

/** Sends INIT and STARTUP to `target`; one contended access, `apic.startup[target]`, which the caller announces. */
export function sendStartup(cpu: LogicalCpu, target: CpuId): void {
  cpu.hw.apic.startup.store(target, 1);
  cpu.pace.kicked?.(target);
}
