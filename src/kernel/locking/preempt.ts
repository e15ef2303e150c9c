/** Linux: include/linux/preempt.h. The count is per CPU; a task can be preempted, and moved, only while it is 0. */
import { irqsOff } from '../../hardware/apic.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';

/** What an interrupt handler adds to the count (Linux: HARDIRQ_OFFSET). */
export const HARDIRQ_OFFSET = 1 << 16;

export function preemptDisable(cpu: Cpu): void {
  const { preemptCount } = cpu.rq;
  preemptCount.put(cpu.id, preemptCount.own(cpu.id) + 1);
}

/** Linux preempt_enable_no_resched(): for callers that are about to schedule anyway. */
export function preemptEnableNoResched(cpu: Cpu): void {
  const { preemptCount } = cpu.rq;
  const count = preemptCount.own(cpu.id);
  if (count <= 0) cpu.bug(`preemption enabled once too often on CPU${cpu.id}`);
  preemptCount.put(cpu.id, count - 1);
}

/** Would a reschedule that this CPU has noticed be acted on now? Never in an interrupt handler or with interrupts off. */
export function preemptDue(cpu: Cpu): boolean {
  const { preemptCount, preemptNeedResched } = cpu.rq;
  return preemptCount.own(cpu.id) === 0 && preemptNeedResched.own(cpu.id) !== 0 && !irqsOff(cpu);
}

/** Linux preemptible(): may the running task sleep? Not in an interrupt handler, with interrupts off, or under a spinlock. */
export function preemptible(cpu: Cpu): boolean {
  return cpu.rq.preemptCount.own(cpu.id) === 0 && !irqsOff(cpu);
}

/** Linux lockdep_assert_irqs_enabled(). A kernel without lockdep goes on. */
export function* lockdepAssertIrqsEnabled(cpu: Cpu, what: string): Path<void> {
  if (irqsOff(cpu)) cpu.bug(`${what} with IRQs off on CPU${cpu.id}`);
}

/** Linux preempt_enable(): a reschedule that came in meanwhile happens now. */
export function* preemptEnable(cpu: Cpu): Path<void> {
  preemptEnableNoResched(cpu);
  if (preemptDue(cpu)) yield* cpu.kernel.schedule(cpu);
}

/** Linux lockdep_assert_preemption_disabled(). */
export function assertPreemptionOff(cpu: Cpu, what: string): void {
  if (preemptible(cpu)) cpu.bug(`${what} while CPU${cpu.id} can be preempted`);
}
