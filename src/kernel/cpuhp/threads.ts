/**
 * Linux: kernel/cpu.c cpuhp_thread_fun() and cpuhp_kick_ap(): what a CPU has to do for hotplug itself is done by a thread of its own,
 * on request of whoever takes it down or brings it up.
 */
import type { CpuId } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type TaskId, WAKE_CPUHP, WAKE_KTHREAD } from '../types.ts';

export const CPUHP_DOWN = 1;
export const CPUHP_UP = 2;

const KICKS = point('cpuhpKickAp: hotplug thread to be asked');
const KICKED = point('cpuhpKickAp: asked, is it done?');
const SHOULD_RUN = point('cpuhpThreadFun: what is to be done?');
const DONE = point('cpuhpThreadFun: done, not said yet');

/** Has the hotplug thread of `target` do its part, and waits for it. Caller: task context, holds addRemoveLock. */
export function* cpuhpKickAp(cpu: Cpu, target: CpuId, what: number): Path<void> {
  const { cpuhp, kernel } = cpu;
  cpuhp.by.store(target, cpu.current + 1);
  const word = cpuhp.asked.at(target);
  if (cpu.at(KICKS, word)) yield;
  cpu.mem.store(word, what);
  yield* kernel.wakeUp(cpu, (cpuhp.thread.load(target) - 1) as TaskId, WAKE_KTHREAD);
  for (;;) {
    if (cpu.at(KICKED, word)) yield;
    if (cpu.mem.load(word) === 0) break;
    yield* kernel.sleepOn(cpu, WAKE_CPUHP);
  }
  cpuhp.by.store(target, 0);
}

/** The life of a hotplug thread. It may be entered anew while it sleeps: whoever wakes it has left word of what to do. */
export function* cpuhpThreadFun(cpu: Cpu): Path<never> {
  const { cpuhp, kernel } = cpu;
  for (;;) {
    const word = cpuhp.asked.at(cpu.id);
    if (cpu.at(SHOULD_RUN, word)) yield;
    const asked = cpu.mem.load(word);
    if (asked !== 0) {
      const by = (cpuhp.by.load(cpu.id) - 1) as TaskId;
      if (asked === CPUHP_DOWN) {
        yield* kernel.schedCpuDeactivate(cpu);
        yield* kernel.schedCpuWaitEmpty(cpu);
      } else yield* kernel.schedCpuActivate(cpu);
      if (cpu.at(DONE, word)) yield;
      cpu.mem.store(word, 0);
      yield* kernel.wakeUp(cpu, by, WAKE_CPUHP);
    }
    yield* kernel.sleepOn(cpu, WAKE_KTHREAD);
  }
}
