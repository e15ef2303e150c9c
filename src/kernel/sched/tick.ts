/** Linux: kernel/sched/core.c sched_tick(), scheduler_ipi(). Interrupt context. */
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { othersDue, RESCHED_SLICE, reschedCurr, rqLock, rqUnlock } from './run-queue.ts';

const KICKED = point('schedulerIpi: interrupted, need_resched not read');

/** The timer interrupt: the running task has had its turn if another of its rank waits. */
export function* schedTick(cpu: Cpu): Path<void> {
  const on = cpu.id;
  yield* rqLock(cpu, on);
  if (othersDue(cpu, on)) reschedCurr(cpu, on, RESCHED_SLICE);
  yield* rqUnlock(cpu, on);
  yield* cpu.kernel.rcuSchedClockIrq(cpu);
}

/** The reschedule interrupt: folds need_resched into what this CPU looks at when preemption is enabled. */
export function* schedulerIpi(cpu: Cpu): Path<void> {
  const { rq } = cpu;
  if (cpu.at(KICKED, rq.needResched.at(cpu.id))) yield;
  if (rq.needResched.load(cpu.id) !== 0) rq.preemptNeedResched.put(cpu.id, 1);
}
