/** Linux: kernel/sched/idle.c do_idle(). */
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { cpuOnline, hasHotplug } from '../cpuhp/masks.ts';
import { preemptDisable, preemptEnableNoResched } from '../locking/preempt.ts';

const IDLE = point('cpuIdleLoop: nothing to run');

/**
 * The idle task of a CPU, for ever: it borrows the mm it finds, watches need_resched, and needs no interrupt to notice it.
 * It may be entered anew at any time while it waits: nothing of it lies outside the image.
 */
export function* cpuIdleLoop(cpu: Cpu): Path<never> {
  const { rq, kernel } = cpu;
  for (;;) {
    // as all of do_idle(): nobody is run in its midst (init_idle(), preempt_count is PREEMPT_DISABLED)
    preemptDisable(cpu);
    yield* kernel.rcuAdvance(cpu);
    preemptEnableNoResched(cpu);
    // behind all that may schedule: the stopper may have run there
    if (hasHotplug(cpu) && !(yield* cpuOnline(cpu, cpu.id))) yield* kernel.archCpuIdleDead(cpu);
    yield* kernel.rcuIdleEnter(cpu);
    const word = rq.needResched.at(cpu.id);
    do yield cpu.waitWhile(IDLE, word, 0);
    while (cpu.mem.load(word) === 0);
    yield* kernel.rcuIdleExit(cpu);
    yield* kernel.schedule(cpu);
  }
}
