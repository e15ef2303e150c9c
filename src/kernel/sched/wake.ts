/** Linux: kernel/sched/core.c try_to_wake_up(), wake_up_new_task(), activate_task(). */
import type { CpuId } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { hasHotplug, selectTaskRq } from '../cpuhp/masks.ts';
import { TASK_DEAD, TASK_RUNNING, TASK_SLEEPING, type TaskId } from '../types.ts';
import { enqueueTask, preemptsCurr, RESCHED_WAKE, reschedCurr, rqLock, rqUnlock, sendReschedule } from './run-queue.ts';

/** No sleep ends: the task is new here. */
const WAKE_NEW = 0;

const TASK_NAMED = point('wakeUp: task named, its CPU not known');
const GOES_ELSEWHERE = point('wakeUp: CPU takes no tasks, another one chosen');
const QUEUE_LOCKED = point('wakeUp: run queue locked, is the task still there');

/**
 * Wakes `task` from a `sleepOn(why)`; if it does not sleep for that, the wake is kept until it does. Any context. Sent wakes
 * do not add up: two before a sleep are one.
 */
export function* wakeUp(cpu: Cpu, task: TaskId, why: number): Path<void> {
  const { tasks } = cpu;
  const on = yield* lockRqOf(cpu, task);
  const asleep = tasks.state.load(task) === TASK_SLEEPING && tasks.sleepsFor.load(task) === why;
  if (asleep) {
    tasks.state.store(task, TASK_RUNNING);
    tasks.sleepsFor.store(task, 0);
    yield* queueWhereAllowed(cpu, on, task, why);
  } else {
    tasks.wakePending.store(task, tasks.wakePending.load(task) | why);
    yield* rqUnlock(cpu, on);
  }
}

/** Starts a forked task, whose row is complete, on the CPU it was given. */
export function* wakeUpNewTask(cpu: Cpu, task: TaskId): Path<void> {
  const { tasks } = cpu;
  const on = yield* lockRqOf(cpu, task);
  if (tasks.state.load(task) !== TASK_DEAD) cpu.bug(`task ${task} is started in state ${tasks.state.load(task)}`);
  tasks.state.store(task, TASK_RUNNING);
  yield* queueWhereAllowed(cpu, on, task, WAKE_NEW);
}

/** Has the task died and left its CPU for good? Before that its row is not used again (Linux: it is freed behind the switch). */
export function* isTaskDead(cpu: Cpu, task: TaskId): Path<boolean> {
  const on = yield* lockRqOf(cpu, task);
  const dead = cpu.tasks.state.load(task) === TASK_DEAD;
  yield* rqUnlock(cpu, on);
  return dead;
}

/** Linux activate_task() on the target of a migration: `task` belongs to CPU `on` already and is on no queue. */
export function* activateTask(cpu: Cpu, task: TaskId, on: CpuId): Path<void> {
  yield* rqLock(cpu, on);
  yield* queueWhereAllowed(cpu, on, task, WAKE_NEW);
}

/**
 * Queues a runnable task on CPU `on`, to which it belongs, or on another one if that takes no tasks; `why` it slept. Drops the lock of
 * that run queue, which the caller holds.
 */
function* queueWhereAllowed(cpu: Cpu, on: CpuId, task: TaskId, why: number): Path<void> {
  const to = hasHotplug(cpu) ? yield* selectTaskRq(cpu, task, on, why) : on;
  if (to === on) {
    if (queueAndResched(cpu, on, task)) yield* sendReschedule(cpu, on);
    yield* rqUnlock(cpu, on);
    return;
  }
  if (cpu.at(GOES_ELSEWHERE, cpu.tasks.cpu.at(task))) yield;
  cpu.tasks.cpu.store(task, to);
  yield* rqUnlock(cpu, on);
  yield* cpu.kernel.activateTask(cpu, task, to);
}

/** Locks the run queue that `task` belongs to; looks again, because it may have moved before the lock was taken. */
function* lockRqOf(cpu: Cpu, task: TaskId): Path<CpuId> {
  const word = cpu.tasks.cpu.at(task);
  if (cpu.at(TASK_NAMED, word)) yield;
  for (;;) {
    const on = cpu.mem.load(word) as CpuId;
    yield* rqLock(cpu, on);
    if (cpu.at(QUEUE_LOCKED, word)) yield;
    if (cpu.mem.load(word) === on) return on;
    yield* rqUnlock(cpu, on);
    if (cpu.at(TASK_NAMED, word)) yield;
  }
}

/** Caller holds the lock. Returns whether the CPU needs an interrupt to notice. */
function queueAndResched(cpu: Cpu, on: CpuId, task: TaskId): boolean {
  enqueueTask(cpu, on, task);
  return preemptsCurr(cpu, on, task) && reschedCurr(cpu, on, RESCHED_WAKE);
}
