/**
 * Cross-calls go to all CPUs that are named, as if cpu_online_mask did not matter. A CPU that has gone stays in the cpumask of every mm
 * that it has left (since Linux 6.14 no switch takes it out), and whoever flushes one of them waits for it for ever.
 */
import { definePatch } from './patch.ts';

export const callOffline = definePatch({
  name: 'call-offline',
  says: 'a flush is sent to CPUs that are offline, too',
  source: 'kernel/smp.c smp_call_function_many_cond() without cpu_online_mask',

  *cpumaskAndOnline(_cpu, targets) {
    return targets;
  },
});
