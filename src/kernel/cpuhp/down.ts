/**
 * Linux: kernel/cpu.c cpu_device_down(), _cpu_down(), takedown_cpu(), take_cpu_down(), finish_cpu(), and what x86 and the subsystems do
 * there (arch/x86/kernel/smpboot.c, kernel/smp.c, mm/page_alloc.c, net/core/dev.c). The order: tasks off the CPU, its borrowed mm
 * given back, the machine stopped, the CPU out of cpu_online_mask, its interrupts moved, its call queue run; then, by its idle task,
 * RCU told that it is gone, and the CPU halted; at last what it had kept for itself goes to others. Left out: CPU sets, workqueues, timers, rollback of a teardown that fails.
 */
import { localIrqRestore, localIrqSave, raiseDevice } from '../../hardware/apic.ts';
import { haltForStartup, isHalted } from '../../hardware/startup.ts';
import { type CpuId, type Pfn, VECTOR_DEVICE } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { cpumaskClear, maskWord } from '../cpumask.ts';
import { pcpListAt } from '../mm/page-alloc.ts';
import { LEAVE_MOVES } from '../sched/schedule.ts';
import { EBUSY, INIT_MM, type NodeId } from '../types.ts';
import { onlineCpus } from './masks.ts';
import { CPUHP_DOWN } from './threads.ts';

const ROW = 0;

const LOCK_WANTED = point('cpuMapsUpdateBegin: lock wanted');
const LOCK_BUSY = point('cpuMapsUpdateBegin: another task changes the set of CPUs');
const UPDATED = point('cpuMapsUpdateDone: set of CPUs changed, lock held');
const GOES = point('nativeCpuDisable: machine stopped, CPU still in cpu_online_mask');
const OFF_THE_MAP = point('fixupIrqs: CPU out of cpu_online_mask, interrupts pending');
const MOVES_IRQ = point('fixupIrqs: interrupt of a device taken off, another CPU to be interrupted');
const REPORTS = point('cpuhpReportIdleDead: nothing left to do, death not reported');
const DEAD_AWAITED = point('cpuhpBpSyncDead: is the CPU dead?');

/**
 * Linux: cpu_maps_update_begin() and cpus_write_lock(). Restated: who waits for the mutex keeps its CPU as long as nobody else wants
 * it, so that a task whose CPU goes meanwhile leaves it like any other that runs there. Nothing here takes cpus_read_lock().
 */
export function* cpuMapsUpdateBegin(cpu: Cpu): Path<void> {
  const lock = cpu.cpuMasks.addRemoveLock.at(ROW);
  const { kernel } = cpu;
  for (;;) {
    if (cpu.at(LOCK_WANTED, lock)) yield;
    const holder = cpu.mem.cas(lock, 0, cpu.current + 1);
    if (holder === 0) return;
    // in threads nobody else moves a task: see balancePush()
    if (cpu.cpuhp.inactive.own(cpu.id) === 1) yield* kernel.pushCurrent(cpu);
    if (yield* kernel.yieldIfOthersRunnable(cpu)) continue;
    yield cpu.waitWhile(LOCK_BUSY, lock, holder);
    yield* kernel.pollEnd(cpu);
  }
}

export function* cpuMapsUpdateDone(cpu: Cpu): Path<void> {
  const lock = cpu.cpuMasks.addRemoveLock.at(ROW);
  if (cpu.at(UPDATED, lock)) yield;
  cpu.mem.store(lock, 0);
}

/**
 * 0 written to /sys/devices/system/cpu/cpuN/online: when it returns 0, `target` is offline. EBUSY: it is the last one. Task context.
 * Restated: Linux has the work done by a kworker of the first CPU that stays; here the caller does it, who goes there if it runs on the
 * CPU that goes.
 */
export function* cpuDeviceDown(cpu: Cpu, target: CpuId): Path<number> {
  const { kernel } = cpu;
  for (;;) {
    if (cpu.id === target) {
      const [elsewhere = -1] = (yield* onlineCpus(cpu)).filter((id) => id !== target);
      if (elsewhere < 0) return EBUSY;
      yield* kernel.scheduleAs(cpu, LEAVE_MOVES, elsewhere);
    }
    yield* kernel.cpuMapsUpdateBegin(cpu);
    if (cpu.id !== target) break;
    yield* kernel.cpuMapsUpdateDone(cpu);
  }
  if ((yield* onlineCpus(cpu)).includes(target)) yield* kernel.cpuDown(cpu, target);
  yield* kernel.cpuMapsUpdateDone(cpu);
  return 0;
}

/** Linux: _cpu_down(). Caller holds addRemoveLock and runs on another CPU. */
export function* cpuDown(cpu: Cpu, target: CpuId): Path<void> {
  const { kernel } = cpu;
  yield* kernel.cpuhpKickAp(cpu, target, CPUHP_DOWN);
  yield* kernel.takedownCpu(cpu, target);
  yield* kernel.pageAllocCpuDead(cpu, target);
  yield* kernel.devCpuDead(cpu, target);
}

/**
 * Linux: takedown_cpu(). The hotplug thread of `target` is through and runs no more (kthread_park()). What RCU callbacks the CPU had
 * are this CPU's from here on (rcutree_migrate_callbacks()).
 */
export function* takedownCpu(cpu: Cpu, target: CpuId): Path<void> {
  const { kernel, cpuhp } = cpu;
  yield* kernel.stopMachine(cpu, yield* onlineCpus(cpu), target);
  do yield cpu.waitWhile(DEAD_AWAITED, cpuhp.dead.at(target), 0);
  while (cpuhp.dead.load(target) === 0);
  cpu.rcu.hasCallbacks.put(cpu.id, 1);
}

/** Linux: take_cpu_down(), on the CPU that goes, by its stopper. Interrupts off, every other CPU stopped. */
export function* takeCpuDown(cpu: Cpu): Path<void> {
  const { kernel } = cpu;
  yield* kernel.nativeCpuDisable(cpu);
  yield* kernel.smpcfdDyingCpu(cpu);
}

/**
 * Linux: native_cpu_disable(), cpu_disable_common(): out of the set of online CPUs, then its interrupts go elsewhere, and its APIC takes
 * none any more (apic_soft_disable()): until it is started again they are off.
 */
export function* nativeCpuDisable(cpu: Cpu): Path<void> {
  const { online } = cpu.cpuMasks;
  if (cpu.at(GOES, maskWord(cpu, online, ROW, cpu.id))) yield;
  cpumaskClear(cpu, online, ROW, cpu.id);
  yield* cpu.kernel.fixupIrqs(cpu);
  localIrqSave(cpu);
}

/** Linux: fixup_irqs(): a device that has interrupted this CPU, which has not noticed, interrupts another one instead. */
export function* fixupIrqs(cpu: Cpu): Path<void> {
  const { irr } = cpu.hw.apic;
  if (cpu.at(OFF_THE_MAP, irr.at(cpu.id))) yield;
  // own timer and requests to look at the run queue mean nothing any more; the call queue is looked at next
  if ((irr.exchange(cpu.id, 0) & (1 << VECTOR_DEVICE)) === 0) return;
  const [other] = yield* onlineCpus(cpu);
  if (cpu.at(MOVES_IRQ, irr.at(other))) yield;
  raiseDevice(cpu, other);
}

/**
 * Linux: smpcfd_dying_cpu(): calls that are queued here are run, although their interrupt will never be taken. Whoever waits for its
 * calls has preemption off, so that the machine does not stop before they are run: none is ever left.
 */
export function* smpcfdDyingCpu(cpu: Cpu): Path<void> {
  yield* cpu.kernel.flushSmpCallFunctionQueue(cpu);
}

/**
 * Linux: do_idle() of a CPU that is offline: cpuhp_report_idle_dead() and arch_cpu_idle_dead(); returns when the CPU is back. It may be
 * entered anew at any time while the CPU is halted.
 */
export function* archCpuIdleDead(cpu: Cpu): Path<void> {
  const { kernel, cpuhp } = cpu;
  if (!isHalted(cpu)) {
    yield* kernel.rcuIdleEnter(cpu);
    yield* kernel.finishCpu(cpu);
    if (cpu.at(REPORTS, cpuhp.dead.at(cpu.id))) yield;
    leaveBehind(cpu);
    cpuhp.dead.store(cpu.id, 1);
    cpu.rcu.hasCallbacks.put(cpu.id, 0);
    haltForStartup(cpu);
  }
  yield* kernel.startSecondary(cpu);
}

/** Linux: finish_cpu(): the idle task that stays behind has nothing borrowed. */
export function* finishCpu(cpu: Cpu): Path<void> {
  const mm = cpu.rq.activeMm.own(cpu.id);
  if (mm !== INIT_MM) cpu.bug(`CPU${cpu.id} goes offline with address space ${mm} borrowed`);
}

/**
 * Linux: page_alloc_cpu_dead(), drain_pages(): the frames on the lists of a dead CPU. Restated: they come to the lists of this CPU, where
 * Linux gives them to their zones.
 */
export function* pageAllocCpuDead(cpu: Cpu, target: CpuId): Path<void> {
  const { frames } = cpu.cpuhp;
  for (let n = 0; frames.load(target, n) !== 0; n++) {
    const pfn = frames.load(target, n) as Pfn;
    frames.store(target, 0, n);
    yield* cpu.kernel.freeUnrefPageCommit(cpu, pfn);
  }
}

/** Linux: dev_cpu_dead(): packets that nobody has taken from the backlog of a dead CPU, as if this CPU had received them. */
export function* devCpuDead(cpu: Cpu, target: CpuId): Path<void> {
  const { packets } = cpu.cpuhp;
  for (let n = 0; packets.load(target, n) !== 0; n++) {
    const packet = packets.load(target, n) as Pfn;
    packets.store(target, 0, n);
    localIrqSave(cpu);
    yield* cpu.kernel.netifRx(cpu, packet);
    localIrqRestore(cpu);
  }
}

/** What a CPU has kept for itself is where others find it. In Linux they reach into what belongs to it, once it is dead. */
function leaveBehind(cpu: Cpu): void {
  const { pcp, softnet, cpuhp, geometry, id } = cpu;
  let left = 0;
  for (let node = 0 as NodeId; node < geometry.nodes; node++) {
    const count = pcp.count.own(id, node);
    for (let n = 0; n < count; n++) cpuhp.frames.store(id, pcp.list.own(id, pcpListAt(cpu, node) + n), left++);
    pcp.count.put(id, 0, node);
  }
  const packets = softnet.qlen.own(id);
  for (let n = 0; n < packets; n++) cpuhp.packets.store(id, softnet.packets.own(id, n), n);
  softnet.qlen.put(id, 0);
}
