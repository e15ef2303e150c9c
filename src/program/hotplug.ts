/** Which machines have the threads of CPU hotplug: those whose program takes CPUs down or brings them up. */
import type { Op, Program } from './program.ts';

/** A thread that belongs to a CPU and stays there. */
export interface PerCpuThread {
  readonly name: string;
  readonly cpu: number;
  readonly part: 'thread' | 'stopper';
}

export function isHotplug({ do: what }: Op): boolean {
  return what === 'offline' || what === 'online';
}

/** The hotplug thread and the stopper of each CPU (Linux: cpuhp/N and migration/N); none if no CPU ever goes or comes. */
export function perCpuThreads({ machine, history, tasks }: Program): PerCpuThread[] {
  if (!history.some((h) => isHotplug(h.op)) && !tasks.some((t) => t.ops.some(isHotplug))) return [];
  return Array.from({ length: machine.cpus }, (_, cpu): PerCpuThread[] => [
    { name: `cpuhp${cpu}`, cpu, part: 'thread' },
    { name: `migration${cpu}`, cpu, part: 'stopper' },
  ]).flat();
}
