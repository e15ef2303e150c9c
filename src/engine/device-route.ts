/** Where the interrupt of a device goes: CPUs that are offline get none. */
import type { CpuId } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { maskBit, maskIndex } from '../kernel/cpumask.ts';

/** The CPU that a device interrupts: the one it means, or the first that is online. A look of the interrupt controller's, no path's. */
export function routeOf(cpu: Cpu, wanted: CpuId): CpuId {
  const { geometry, cpuMasks } = cpu;
  const isOnline = (id: CpuId) => (cpuMasks.online.peek(0, maskIndex(geometry, id)) & maskBit(geometry, id)) !== 0;
  let target = wanted;
  if (!isOnline(target)) for (target = 0 as CpuId; !isOnline(target); target++);
  return target;
}
