/**
 * Linux: kernel/rcu/tree.c, reduced to what frees page tables. A reader keeps preemption (or interrupts) off; so a context
 * switch, a tick that finds preemption on, a return to user mode and idling are quiescent states. Handlers that run on an
 * idle CPU must not be readers: they do not end the idle state.
 */
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { HARDIRQ_OFFSET, preemptDisable, preemptDue, preemptEnableNoResched } from '../locking/preempt.ts';

const QUIESCENT = point('rcu: quiescent state, not reported');
const IDLES = point('rcu: CPU goes idle');
const WAKES = point('rcu: CPU leaves idle');

/** Linux rcu_read_lock(). */
export function rcuReadLock(cpu: Cpu): void {
  preemptDisable(cpu);
}

/** Linux rcu_read_unlock(). May preempt the caller. */
export function* rcuReadUnlock(cpu: Cpu): Path<void> {
  preemptEnableNoResched(cpu);
  if (preemptDue(cpu)) yield* cpu.kernel.schedule(cpu);
}

/** Linux rcu_qs(): this CPU holds no reference obtained in an earlier read-side section. */
export function* rcuQs(cpu: Cpu): Path<void> {
  if (cpu.at(QUIESCENT, cpu.rcu.quiescent.at(cpu.id))) yield;
  cpu.rcu.quiescent.add(cpu.id, 2);
}

/** Linux ct_idle_enter(): quiescent until `rcuIdleExit`. The idle task only. */
export function* rcuIdleEnter(cpu: Cpu): Path<void> {
  if ((cpu.rcu.quiescent.load(cpu.id) & 1) === 1) return;
  if (cpu.at(IDLES, cpu.rcu.quiescent.at(cpu.id))) yield;
  cpu.rcu.quiescent.add(cpu.id, 1);
}

/** Linux ct_idle_exit(). */
export function* rcuIdleExit(cpu: Cpu): Path<void> {
  if ((cpu.rcu.quiescent.load(cpu.id) & 1) === 0) return;
  if (cpu.at(WAKES, cpu.rcu.quiescent.at(cpu.id))) yield;
  cpu.rcu.quiescent.add(cpu.id, 1);
}

/** Linux rcu_sched_clock_irq(), from the tick: quiescent if the interrupted code could be preempted. */
export function* rcuSchedClockIrq(cpu: Cpu): Path<void> {
  if (interruptedReader(cpu) || (cpu.rcu.quiescent.load(cpu.id) & 1) === 1) return;
  yield* cpu.kernel.rcuQs(cpu);
}

/** Linux rcu_exp_handler(): quiescent now, or at the context switch that is forced when preemption comes back on. */
export function* rcuExpHandler(cpu: Cpu): Path<void> {
  if (interruptedReader(cpu)) cpu.rq.preemptNeedResched.put(cpu.id, 1);
  else if ((cpu.rcu.quiescent.load(cpu.id) & 1) === 0) yield* cpu.kernel.rcuQs(cpu);
}

/** Did the present interrupt come while preemption was off? */
function interruptedReader(cpu: Cpu): boolean {
  return cpu.rq.preemptCount.own(cpu.id) !== HARDIRQ_OFFSET;
}
