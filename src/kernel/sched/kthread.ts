/**
 * Linux: kernel/kthread.c: threads of the kernel beside those of Linux, as a policy brings them. Such a thread sleeps from the
 * boot on; what it does when it is woken is the policy's affair.
 */
import type { Geometry } from '../../hardware/geometry.ts';
import type { Path } from '../../memory/point.ts';
import { table } from '../../memory/table.ts';
import type { Cpu } from '../cpu.ts';
import { type TaskId, WAKE_KTHREAD } from '../types.ts';

/** As many threads as a policy may bring. */
export const MOST_KTHREADS = 4;

/** By number, in the order in which the policy names them. */
export const KTHREAD = table<number, Geometry>()('kthread', () => MOST_KTHREADS, {
  /** Its task, plus one; 0 if there is none. */
  task: 'once',
});

/** Linux: wake_up_process() of such a thread. Any context, no run queue's lock held. One that is busy will look again. */
export function* wakeUpKthread(cpu: Cpu, n: number): Path<void> {
  const task = cpu.kthread.task.load(n);
  if (task === 0) cpu.bug(`there is no kernel thread ${n} to be woken`);
  yield* cpu.kernel.wakeUp(cpu, (task - 1) as TaskId, WAKE_KTHREAD);
}
