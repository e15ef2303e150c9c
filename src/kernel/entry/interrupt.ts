/** Linux: arch/x86/kernel/irq.c, kernel/entry/common.c: what an interrupt does before and after its handler. */
import { localIrqRestore, localIrqSave } from '../../hardware/apic.ts';
import { VECTOR_CALL_FUNCTION, VECTOR_DEVICE, VECTOR_RESCHEDULE, VECTOR_TIMER } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { HARDIRQ_OFFSET, preemptDue } from '../locking/preempt.ts';
import { isIdleTask } from '../sched/run-queue.ts';

/**
 * Pushed on the stack of the running task when an interrupt is delivered (never while interrupts are off). The handler runs
 * to its end with interrupts off; on the way out the interrupted task is preempted if it can be and another is due.
 */
export function* commonInterrupt(cpu: Cpu, vector: number): Path<void> {
  irqEnter(cpu);
  switch (vector) {
    case VECTOR_CALL_FUNCTION:
      yield* cpu.kernel.flushSmpCallFunctionQueue(cpu);
      break;
    case VECTOR_RESCHEDULE:
      yield* cpu.kernel.schedulerIpi(cpu);
      break;
    case VECTOR_TIMER:
      yield* cpu.kernel.schedTick(cpu);
      break;
    case VECTOR_DEVICE:
      yield* cpu.kernel.eiInterrupt(cpu);
      break;
    default:
      cpu.bug(`unexpected interrupt vector ${vector} on CPU${cpu.id}`);
  }
  irqExit(cpu);
  // the idle task looks at need_resched itself
  if (preemptDue(cpu) && !isIdleTask(cpu, cpu.current)) yield* cpu.kernel.schedule(cpu);
}

function irqEnter(cpu: Cpu): void {
  const { regs } = cpu.hw;
  const { preemptCount } = cpu.rq;
  localIrqSave(cpu);
  regs.irqDepth.put(cpu.id, regs.irqDepth.own(cpu.id) + 1);
  preemptCount.put(cpu.id, preemptCount.own(cpu.id) + HARDIRQ_OFFSET);
}

function irqExit(cpu: Cpu): void {
  const { regs } = cpu.hw;
  const { preemptCount } = cpu.rq;
  preemptCount.put(cpu.id, preemptCount.own(cpu.id) - HARDIRQ_OFFSET);
  regs.irqDepth.put(cpu.id, regs.irqDepth.own(cpu.id) - 1);
  localIrqRestore(cpu);
}
