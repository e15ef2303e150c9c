/**
 * A CPU is taken out of cpu_online_mask while the others go on, as in the patches of 2012 and 2013 that were to do without
 * stop_machine(), but without the lock for readers that they brought. Who has read the mask with preemption off calls a CPU
 * that has run its last calls meanwhile, and waits for ever.
 */
import { MAINLINE } from '../kernel/kernel.ts';
import { definePatch } from './patch.ts';

export const offlineUnstopped = definePatch({
  name: 'offline-unstopped',
  says: 'only the CPU that goes offline is stopped, not the others',
  source: 'kernel/cpu.c takedown_cpu() without stop_machine_cpuslocked()',

  *stopMachine(cpu, _cpus, active) {
    yield* MAINLINE.stopMachine(cpu, [active], active);
  },
});
