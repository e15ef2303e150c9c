/**
 * Waiting for a word without giving the CPU up, but only as long as nobody else wants it (Linux: the need_resched() test in
 * every optimistic spin; sched_yield loops of user code). A polling task is preempted by any wake on its CPU and picked
 * after all others, so what it waits for can always happen; only the end of another task's slice gives it a turn to look.
 */
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { rqLock, rqUnlock } from './run-queue.ts';
import { LEAVE_SLEEPS } from './schedule.ts';

/** Declares the task polling; false, and not polling, if other tasks wait for this CPU. */
export function* pollBegin(cpu: Cpu): Path<boolean> {
  const { rq, tasks } = cpu;
  const on = cpu.id;
  yield* rqLock(cpu, on);
  const alone = rq.nrQueued.load(on) === 0;
  if (alone) tasks.polling.store(cpu.current, 1);
  rq.crowded.put(on, 0);
  yield* rqUnlock(cpu, on);
  // preempted at that moment and given a turn by the end of a slice: others want the CPU, and the task is not to wait on it
  if (rq.crowded.own(cpu.id) === 0) return alone;
  yield* cpu.kernel.pollEnd(cpu);
  return false;
}

export function* pollEnd(cpu: Cpu): Path<void> {
  const on = cpu.id;
  yield* rqLock(cpu, on);
  cpu.tasks.polling.store(cpu.current, 0);
  yield* rqUnlock(cpu, on);
}

/** Lets every other task of this CPU go first, those of lower priority too: for waiters that may not poll. */
export function* pollYield(cpu: Cpu): Path<void> {
  const on = cpu.id;
  yield* rqLock(cpu, on);
  cpu.tasks.polling.store(cpu.current, 1);
  yield* rqUnlock(cpu, on);
  yield* cpu.kernel.schedule(cpu);
  yield* cpu.kernel.pollEnd(cpu);
}

/** For user code that waits: true if others ran meanwhile, so look again; false: wait, then `pollEnd`. */
export function* yieldIfOthersRunnable(cpu: Cpu): Path<boolean> {
  if (yield* cpu.kernel.pollBegin(cpu)) {
    if (cpu.cpuhp.inactive.own(cpu.id) === 0) return false;
    // no place to wait: the CPU is about to go
    yield* cpu.kernel.pollEnd(cpu);
    return true;
  }
  yield* cpu.kernel.pollYield(cpu);
  return true;
}

/** For user code that has nothing left to do: sleeps for good if others want the CPU; else stays there, polling. */
export function* sleepIfOthersRunnable(cpu: Cpu): Path<void> {
  if (!(yield* cpu.kernel.pollBegin(cpu))) yield* cpu.kernel.scheduleAs(cpu, LEAVE_SLEEPS, 0);
}
