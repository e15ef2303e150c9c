/** Linux: kernel/sched/syscalls.c, and the sleeps that programs ask for. Each returns 0 or a negative errno. */

import type { CpuId } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { cpuActive, hasHotplug } from '../cpuhp/masks.ts';
import { EINVAL, type TaskId, WAKE_USER } from '../types.ts';
import { LEAVE_MOVES } from './schedule.ts';

/** sched_yield(2). */
export function* sysSchedYield(cpu: Cpu): Path<number> {
  yield* cpu.kernel.schedule(cpu);
  return 0;
}

/**
 * sched_setaffinity(2) of the caller to one CPU. When it returns 0, the task ran there; if that CPU went at the same time, it may be
 * elsewhere again. EINVAL: there is no such CPU, or not at the moment.
 */
export function* sysSchedSetaffinity(cpu: Cpu, target: number): Path<number> {
  if (target < 0 || target >= cpu.geometry.cpus) return EINVAL;
  if (hasHotplug(cpu) && !(yield* cpuActive(cpu, target as CpuId))) return EINVAL;
  if (target !== cpu.id) yield* cpu.kernel.scheduleAs(cpu, LEAVE_MOVES, target);
  return 0;
}

/** Sleeps until `sysWake` names this task. A wake that came first is enough. */
export function* sysSleep(cpu: Cpu): Path<number> {
  yield* cpu.kernel.sleepOn(cpu, WAKE_USER);
  return 0;
}

export function* sysWake(cpu: Cpu, task: TaskId): Path<number> {
  yield* cpu.kernel.wakeUp(cpu, task, WAKE_USER);
  return 0;
}
