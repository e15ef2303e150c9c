/**
 * Linux: kernel/sched/core.c and rt.c, reduced to two priorities, each served in turn. A queue holds the tasks that are
 * runnable and do not run. Every function here: caller holds the rq.lock of that CPU (rq.lock nests inside every other lock;
 * interrupts are off while it is held).
 */
import { localIrqRestore, localIrqSave, sendIpi } from '../../hardware/apic.ts';
import { type CpuId, VECTOR_RESCHEDULE } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { preemptDisable, preemptEnable } from '../locking/preempt.ts';
import { rawSpinLock, rawSpinUnlock } from '../locking/spinlock.ts';
import type { TaskId } from '../types.ts';

const KICKS = point('reschedCurr: need_resched set, CPU not interrupted');

/** Linux rq_lock_irqsave(). */
export function* rqLock(cpu: Cpu, on: CpuId): Path<void> {
  localIrqSave(cpu);
  preemptDisable(cpu);
  yield* rawSpinLock(cpu, cpu.rq.lock.at(on));
}

/** Linux rq_unlock_irqrestore(). May preempt the caller. */
export function* rqUnlock(cpu: Cpu, on: CpuId): Path<void> {
  yield* rawSpinUnlock(cpu, cpu.rq.lock.at(on));
  localIrqRestore(cpu);
  yield* preemptEnable(cpu);
}

/** Is `task` the idle task of some CPU? */
export function isIdleTask(cpu: Cpu, task: TaskId): boolean {
  return task < cpu.geometry.cpus;
}

/** Linux enqueue_task(): behind those that wait already. */
export function enqueueTask(cpu: Cpu, on: CpuId, task: TaskId): void {
  const { rq, tasks } = cpu;
  const n = rq.nrQueued.load(on);
  for (let i = 0; i < n; i++) {
    if (rq.queue.load(on, i) === task) cpu.bug(`task ${task} queued twice on CPU${on}`);
  }
  rq.queue.store(on, task, n);
  rq.nrQueued.store(on, n + 1);
  tasks.onRq.store(task, 1);
}

/**
 * Linux pick_next_task(): takes the next task off the queue; the idle task if there is none. Tasks that only poll come last,
 * whatever their priority, because what they wait for may need one of the others; `pollersToo` gives them their turn.
 */
export function pickNextTask(cpu: Cpu, on: CpuId, pollersToo: boolean): TaskId {
  const { rq, tasks } = cpu;
  const n = rq.nrQueued.load(on);
  if (n === 0) return on as number as TaskId;
  const rankOf = (i: number): number => {
    const task = rq.queue.load(on, i) as TaskId;
    return pollersToo ? tasks.priority.load(task) : rank(cpu, task);
  };
  let best = 0;
  for (let i = 1; i < n; i++) {
    if (rankOf(i) > rankOf(best)) best = i;
  }
  const task = rq.queue.load(on, best) as TaskId;
  for (let i = best; i < n - 1; i++) rq.queue.store(on, rq.queue.load(on, i + 1), i);
  rq.queue.store(on, 0, n - 1);
  rq.nrQueued.store(on, n - 1);
  return task;
}

/** Must `task`, just queued, replace the running one? (Linux: wakeup_preempt().) */
export function preemptsCurr(cpu: Cpu, on: CpuId, task: TaskId): boolean {
  const curr = cpu.rq.curr.load(on) as TaskId;
  return isIdleTask(cpu, curr) || rank(cpu, task) > rank(cpu, curr);
}

/** Is a task queued that is due a turn when the slice of the running one is over? A poller is, a lower priority is not. */
export function othersDue(cpu: Cpu, on: CpuId): boolean {
  const { rq, tasks } = cpu;
  const n = rq.nrQueued.load(on);
  const curr = rq.curr.load(on) as TaskId;
  if (n > 0 && (isIdleTask(cpu, curr) || tasks.polling.load(curr) === 1)) return true;
  for (let i = 0; i < n; i++) {
    if (tasks.priority.load(rq.queue.load(on, i) as TaskId) >= tasks.priority.load(curr)) return true;
  }
  return false;
}

/** Values of rq.needResched: a wake, or the end of a slice, wants the running task to be replaced. */
export const RESCHED_WAKE = 1;
export const RESCHED_SLICE = 2;

/** Linux resched_curr(): marks the running task. Returns whether the CPU needs an interrupt to notice: an idle one polls. */
export function reschedCurr(cpu: Cpu, on: CpuId, why: number): boolean {
  const { rq } = cpu;
  if (rq.needResched.load(on) !== 0) return false;
  rq.needResched.store(on, why);
  if (on === cpu.id) {
    rq.preemptNeedResched.put(on, 1);
    return false;
  }
  return !isIdleTask(cpu, rq.curr.load(on) as TaskId);
}

/** Linux smp_send_reschedule(). No lock needed. */
export function* sendReschedule(cpu: Cpu, on: CpuId): Path<void> {
  if (cpu.at(KICKS, cpu.hw.apic.irr.at(on))) yield;
  sendIpi(cpu, on, VECTOR_RESCHEDULE);
}

function rank(cpu: Cpu, task: TaskId): number {
  return cpu.tasks.polling.load(task) === 1 ? -1 : cpu.tasks.priority.load(task);
}
