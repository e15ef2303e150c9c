/**
 * T1-14, 2014, Xen on Arm, commit c938f5414b: tables that several CPUs use are changed, and the CPU that changes them
 * flushes only itself.
 */
import { localIrqRestore, localIrqSave } from '../hardware/apic.ts';
import { definePatch } from './patch.ts';

export const t114 = definePatch({
  name: 't1-14',
  says: 'a flush stays on the CPU that asks for it',
  year: 2014,
  source: 'https://github.com/xen-project/xen/commit/c938f5414b',

  *flushTlbMulti(cpu, targets) {
    if (!targets.includes(cpu.id)) return;
    localIrqSave(cpu);
    yield* cpu.kernel.runFlushLocally(cpu);
    localIrqRestore(cpu);
  },
});
