/** Linux: include/linux/cpumask.h: which CPUs are there, and kernel/sched/core.c is_cpu_allowed(): where tasks may be put. */
import type { CpuId } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { cpumaskRead, cpumaskTest, maskWord } from '../cpumask.ts';
import { type TaskId, WAKE_KERNEL } from '../types.ts';

const ROW = 0;

const TARGETS_NAMED = point('cpumaskAndOnline: targets named, cpu_online_mask not read');
const ONLINE_ASKED = point('cpuOnline: is the CPU online?');
const ACTIVE_ASKED = point('cpuActive: may the CPU be given a task?');

/** Has the machine the threads of hotplug (CONFIG_HOTPLUG_CPU)? If not, every CPU is there for good. */
export function hasHotplug(cpu: Cpu): boolean {
  return cpu.cpuhp.thread.load(cpu.id) !== 0;
}

/** Linux: cpumask_and() with cpu_online_mask, of the targets of a cross-call. Preemption off. */
export function* cpumaskAndOnline(cpu: Cpu, targets: readonly CpuId[]): Path<readonly CpuId[]> {
  const online = yield* cpumaskRead(cpu, TARGETS_NAMED, cpu.cpuMasks.online, ROW);
  return targets.filter((id) => online.includes(id));
}

/** Linux: for_each_online_cpu(). */
export function* onlineCpus(cpu: Cpu): Path<CpuId[]> {
  return yield* cpumaskRead(cpu, ONLINE_ASKED, cpu.cpuMasks.online, ROW);
}

/** Linux: cpu_online(). */
export function* cpuOnline(cpu: Cpu, id: CpuId): Path<boolean> {
  const { online } = cpu.cpuMasks;
  if (cpu.at(ONLINE_ASKED, maskWord(cpu, online, ROW, id))) yield;
  return cpumaskTest(cpu, online, ROW, id);
}

/** Linux: cpu_active(). A CPU that has just said that it is not may still be given a task; it pushes that away. */
export function* cpuActive(cpu: Cpu, id: CpuId): Path<boolean> {
  const { inactive } = cpu.cpuhp;
  if (cpu.at(ACTIVE_ASKED, inactive.at(id))) yield;
  return inactive.load(id) === 0;
}

/** Is `task` the hotplug thread or the stopper of some CPU (Linux: kthread_is_per_cpu())? It never leaves that CPU. */
export function kthreadIsPerCpu(cpu: Cpu, task: TaskId): boolean {
  const { thread, stopper } = cpu.cpuhp;
  for (let id = 0 as CpuId; id < cpu.geometry.cpus; id++) {
    if (thread.load(id) === task + 1 || stopper.load(id) === task + 1) return true;
  }
  return false;
}

/** Linux: select_fallback_rq(): the first CPU that takes tasks. There is always one. */
export function* selectFallbackRq(cpu: Cpu): Path<CpuId> {
  for (;;) {
    for (let id = 0 as CpuId; id < cpu.geometry.cpus; id++) if (yield* cpuActive(cpu, id)) return id;
  }
}

/**
 * Linux: select_task_rq(), for `task`, which belongs to CPU `on` and sleeps for `why`: there, or elsewhere if that CPU takes no tasks.
 * In threads a task that sleeps in the midst of an operation has frames that cannot go to another thread: there the CPU waits for it
 * (Linux: migrate_disable()).
 */
export function* selectTaskRq(cpu: Cpu, task: TaskId, on: CpuId, why: number): Path<CpuId> {
  if (kthreadIsPerCpu(cpu, task) || (yield* cpuActive(cpu, on))) return on;
  if (!cpu.pace.stepping && why === WAKE_KERNEL) return on;
  return yield* selectFallbackRq(cpu);
}
