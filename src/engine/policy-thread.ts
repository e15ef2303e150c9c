/**
 * The life of a thread that a policy brings, or that belongs to a CPU. It starts right behind the first switch to it: somebody has woken
 * it.
 */
import type { Cpu } from '../kernel/cpu.ts';
import { WAKE_KTHREAD } from '../kernel/types.ts';
import type { Path } from '../memory/point.ts';
import type { PolicyThread } from '../policy/threads.ts';
import type { PerCpuThread } from '../program/hotplug.ts';
import { type UserRun, untilConcurrent } from './user-mode.ts';

/**
 * For ever: its work, then sleep. The work comes first, so that a thread that starts from the bottom in
 * an image taken while it was about to work does it there. In the history it waits, as every task whose turn has not come.
 */
export function* policyThread(cpu: Cpu, run: UserRun, { run: work }: PolicyThread): Path<never> {
  yield* untilConcurrent(cpu, run);
  cpu.kernelDepth++;
  for (;;) {
    yield* work(cpu);
    run.returned(cpu);
    yield* cpu.kernel.sleepOn(cpu, WAKE_KTHREAD);
  }
}

/** For ever: what CPU hotplug asks of it, in the history, too. */
export function* perCpuThread(cpu: Cpu, { part }: PerCpuThread): Path<never> {
  const { kernel } = cpu;
  cpu.kernelDepth++;
  if (part === 'stopper') yield* kernel.cpuStopperThread(cpu);
  return (yield* kernel.cpuhpThreadFun(cpu)) as never;
}
