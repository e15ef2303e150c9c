/** Linux: kernel/sched/core.c __schedule(), schedule_tail(), do_task_dead(), and the ways to leave a CPU. */
import { localIrqRestore, localIrqSave } from '../../hardware/apic.ts';
import type { CpuId } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { hasHotplug } from '../cpuhp/masks.ts';
import { preemptDisable, preemptEnableNoResched } from '../locking/preempt.ts';
import { rawSpinLock, rawSpinUnlock } from '../locking/spinlock.ts';
import { INIT_MM, type MmId, TASK_DEAD, TASK_RUNNING, TASK_SLEEPING, type TaskId } from '../types.ts';
import { enqueueTask, isIdleTask, pickNextTask, RESCHED_SLICE } from './run-queue.ts';

const MIGRATES = point('schedule: task about to belong to another run queue');

/** Why a task leaves its CPU. */
export const LEAVE_RUNNABLE = 0;
export const LEAVE_SLEEPS = 1;
export const LEAVE_DIES = 2;
export const LEAVE_MOVES = 3;

/** Linux schedule() of a running task, and preempt_schedule(): lets others run; returns when this task runs again. */
export function* schedule(cpu: Cpu): Path<void> {
  do yield* cpu.kernel.scheduleAs(cpu, LEAVE_RUNNABLE, 0);
  while (cpu.rq.preemptNeedResched.own(cpu.id) !== 0);
}

/** Sleeps until `wakeUp(task, why)`; returns at once if that wake came first. `why` is a WAKE_* bit. */
export function* sleepOn(cpu: Cpu, why: number): Path<void> {
  yield* cpu.kernel.scheduleAs(cpu, LEAVE_SLEEPS, why);
  if (cpu.rq.preemptNeedResched.own(cpu.id) !== 0) yield* cpu.kernel.schedule(cpu);
}

/** Linux do_task_dead(). Does not return. */
export function* doTaskDead(cpu: Cpu): Path<void> {
  yield* cpu.kernel.scheduleAs(cpu, LEAVE_DIES, 0);
  cpu.bug(`dead task ${cpu.current} runs`);
}

/**
 * Linux __schedule(). Caller: preemption on, interrupts on. `detail` is the WAKE_* bit of a sleep, the target of a move.
 * A task that sleeps becomes invisible to wakers and asleep in one critical section, so no wake is lost. The run queue's
 * lock is held across the switch and dropped by the task switched to.
 */
export function* scheduleAs(cpu: Cpu, leave: number, detail: number): Path<void> {
  const { rq, tasks, kernel } = cpu;
  const prev = cpu.current;
  if (rq.preemptCount.own(cpu.id) !== 0) cpu.bug(`task ${prev} schedules while atomic on CPU${cpu.id}`);
  preemptDisable(cpu);
  yield* kernel.rcuQs(cpu);
  localIrqSave(cpu);
  const on = cpu.id;
  yield* rawSpinLock(cpu, rq.lock.at(on));
  const pending = leave === LEAVE_SLEEPS ? tasks.wakePending.load(prev) & detail : 0;
  let next = prev;
  if (pending !== 0) {
    // nobody is picked: that somebody else should run stays noted
    tasks.wakePending.store(prev, tasks.wakePending.load(prev) & ~pending);
  } else {
    const pollersToo = rq.needResched.load(on) === RESCHED_SLICE && tasks.polling.load(prev) === 0;
    rq.needResched.store(on, 0);
    rq.preemptNeedResched.put(on, 0);
    yield* leaveQueue(cpu, prev, leave, detail);
    next = pickNextTask(cpu, on, pollersToo);
  }
  if (next !== prev) {
    rq.curr.store(on, next);
    tasks.onCpu.store(prev, 0);
    tasks.onCpu.store(next, 1);
    yield* kernel.contextSwitch(cpu, prev, next);
    // another CPU, perhaps
    yield* kernel.finishTaskSwitch(cpu);
  } else {
    yield* rawSpinUnlock(cpu, rq.lock.at(on));
    localIrqRestore(cpu);
  }
  preemptEnableNoResched(cpu);
  if (hasHotplug(cpu)) yield* kernel.balancePush(cpu);
}

/** Linux schedule_tail(): what a task that never ran does first, in place of the second half of __schedule(). */
export function* scheduleTail(cpu: Cpu): Path<void> {
  yield* cpu.kernel.finishTaskSwitch(cpu);
  preemptEnableNoResched(cpu);
  if (hasHotplug(cpu)) yield* cpu.kernel.balancePush(cpu);
}

/** Takes the task out of those that run here, or puts it behind them. Caller holds its rq.lock. */
function* leaveQueue(cpu: Cpu, prev: TaskId, leave: number, detail: number): Path<void> {
  const { rq, tasks } = cpu;
  const on = cpu.id;
  if (leave === LEAVE_RUNNABLE) {
    if (!isIdleTask(cpu, prev)) enqueueTask(cpu, on, prev);
    return;
  }
  tasks.onRq.store(prev, 0);
  if (leave === LEAVE_SLEEPS) {
    tasks.state.store(prev, TASK_SLEEPING);
    tasks.sleepsFor.store(prev, detail);
  } else if (leave === LEAVE_DIES) {
    tasks.state.store(prev, TASK_DEAD);
  } else {
    rq.moving.store(on, prev + 1);
    rq.movingTo.store(on, detail);
  }
}

/**
 * Linux finish_task_switch(): the task switched to completes the switch. Drops the lock that the task before it took,
 * lets go of a borrowed mm that nobody here uses any more, and hands a migrating task on (Linux: the stopper thread does).
 */
export function* finishTaskSwitch(cpu: Cpu): Path<void> {
  const { rq, tasks, kernel } = cpu;
  const on = cpu.id;
  const lock = rq.lock.at(on);
  cpu.mem.acquired(lock, true);
  if (tasks.state.load(cpu.current) !== TASK_RUNNING)
    cpu.bug(`task ${cpu.current} runs in state ${tasks.state.load(cpu.current)}`);
  const moving = (rq.moving.load(on) - 1) as TaskId;
  const target = rq.movingTo.load(on) as CpuId;
  if (moving >= 0) {
    rq.moving.store(on, 0);
    if (cpu.at(MIGRATES, tasks.cpu.at(moving))) yield;
    tasks.cpu.store(moving, target);
  }
  rq.crowded.put(on, rq.nrQueued.load(on) > 0 ? 1 : 0);
  const prevMm = rq.prevMm.own(on) as MmId;
  rq.prevMm.put(on, 0);
  yield* rawSpinUnlock(cpu, lock);
  localIrqRestore(cpu);
  if (prevMm !== INIT_MM) yield* kernel.mmdropLazyTlbSched(cpu, prevMm);
  if (moving >= 0) yield* kernel.activateTask(cpu, moving, target);
}
