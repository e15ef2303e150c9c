/**
 * Linux: kernel/sched/core.c sched_cpu_deactivate(), balance_push(), sched_cpu_wait_empty(), sched_force_init_mm(),
 * sched_cpu_activate(): how tasks leave a CPU that is about to go, and when they may come back. Restated: a task that is to leave does
 * so itself, as one that calls sched_setaffinity(2) does, where in Linux the stopper moves it.
 */
import { localIrqRestore, localIrqSave } from '../../hardware/apic.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { kthreadIsPerCpu, selectFallbackRq } from '../cpuhp/masks.ts';
import { INIT_MM, type MmId, TASK_SLEEPING, type TaskId, WAKE_CPUHP, WAKE_KERNEL } from '../types.ts';
import { isIdleTask, rqLock, rqUnlock } from './run-queue.ts';
import { LEAVE_MOVES } from './schedule.ts';

const DEACTIVATES = point('schedCpuDeactivate: CPU still in cpu_active_mask');
const ACTIVATES = point('schedCpuActivate: CPU not yet in cpu_active_mask');

/**
 * By the hotplug thread of the CPU that goes: nobody is to put tasks here any more. When it returns, nobody is about to who has not
 * seen it: whoever wakes a task has preemption off. Linux waits by synchronize_rcu().
 */
export function* schedCpuDeactivate(cpu: Cpu): Path<void> {
  const { inactive } = cpu.cpuhp;
  if (cpu.at(DEACTIVATES, inactive.at(cpu.id))) yield;
  inactive.store(cpu.id, 1);
  yield* cpu.kernel.synchronizeRcuExpedited(cpu);
}

/** By the hotplug thread of a CPU that is back: tasks may be put here. None comes by itself. */
export function* schedCpuActivate(cpu: Cpu): Path<void> {
  const { inactive } = cpu.cpuhp;
  if (cpu.at(ACTIVATES, inactive.at(cpu.id))) yield;
  inactive.store(cpu.id, 0);
}

/**
 * Called behind each switch: a task that finds itself on a CPU that goes moves to another one; the idle task, which says that the
 * others are gone, lets the hotplug thread go on. Preemption on.
 */
export function* balancePush(cpu: Cpu): Path<void> {
  const { cpuhp, kernel, current } = cpu;
  if (cpuhp.inactive.own(cpu.id) === 0) return;
  if (isIdleTask(cpu, current)) {
    if (cpuhp.waitsEmpty.own(cpu.id) === 0) return;
    yield* kernel.wakeUp(cpu, (cpuhp.thread.load(cpu.id) - 1) as TaskId, WAKE_CPUHP);
  } else if (cpu.pace.stepping && !kthreadIsPerCpu(cpu, current)) {
    yield* kernel.pushCurrent(cpu);
  }
}

/** Linux: __balance_push_cpu_stop(), of the running task. When it returns, the task runs elsewhere. Preemption on. */
export function* pushCurrent(cpu: Cpu): Path<void> {
  yield* cpu.kernel.scheduleAs(cpu, LEAVE_MOVES, yield* selectFallbackRq(cpu));
}

/** By the hotplug thread: every other task is gone, and the mm that was borrowed here is given back. */
export function* schedCpuWaitEmpty(cpu: Cpu): Path<void> {
  yield* cpu.kernel.balanceHotplugWait(cpu);
  yield* cpu.kernel.schedForceInitMm(cpu);
}

/** Sleeps until no task waits here for its turn and none is to come back. */
export function* balanceHotplugWait(cpu: Cpu): Path<void> {
  const { waitsEmpty } = cpu.cpuhp;
  const on = cpu.id;
  for (;;) {
    yield* rqLock(cpu, on);
    const empty = cpu.rq.nrQueued.load(on) === 0 && !hasPinnedTasks(cpu);
    yield* rqUnlock(cpu, on);
    if (empty) return;
    waitsEmpty.put(on, 1);
    yield* cpu.kernel.sleepOn(cpu, WAKE_CPUHP);
    waitsEmpty.put(on, 0);
  }
}

/**
 * The running kernel thread stops borrowing: the kernel's own tables are loaded. The bit in the cpumask of the mm that is left stays,
 * as at any switch; a CPU that is not online is not called for it. (Linux 6.14: before that the idle task did it, when it had left
 * the set of online CPUs.)
 */
export function* schedForceInitMm(cpu: Cpu): Path<void> {
  const { rq, kernel } = cpu;
  const mm = rq.activeMm.own(cpu.id) as MmId;
  if (mm === INIT_MM) return;
  localIrqSave(cpu);
  rq.activeMm.put(cpu.id, INIT_MM);
  yield* kernel.switchMmIrqsOff(cpu, INIT_MM);
  localIrqRestore(cpu);
  yield* kernel.mmdrop(cpu, mm);
}

/** Linux: rq_has_pinned_tasks(): in threads, those that sleep in the midst of an operation. Caller holds rq.lock of this CPU. */
function hasPinnedTasks(cpu: Cpu): boolean {
  if (cpu.pace.stepping) return false;
  const { tasks, geometry } = cpu;
  for (let task = geometry.cpus as TaskId; task < geometry.cpus + geometry.tasks; task++) {
    const here = tasks.cpu.peek(task) === cpu.id && tasks.state.peek(task) === TASK_SLEEPING;
    if (here && tasks.sleepsFor.peek(task) === WAKE_KERNEL) return true;
  }
  return false;
}
