/**
 * Linux: kernel/smp.c, smp_call_function_many_cond(). Each (initiator, target) pair has one call record, locked while it is
 * in use; each target has a queue, here a mask of the initiators whose calls wait. An interrupt is sent only to a target
 * whose queue was empty, and the handler takes the whole queue, so calls of several initiators merge into one interrupt.
 * Restated: a queue of several mask words counts as empty per word; the interrupt then merges in the APIC instead.
 */
import { localIrqRestore, localIrqSave, sendIpi } from '../../hardware/apic.ts';
import { ipiAckCycles } from '../../hardware/costs.ts';
import { type CpuId, VECTOR_CALL_FUNCTION } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { hasHotplug } from '../cpuhp/masks.ts';
import { maskBit, maskIndex, maskWord } from '../cpumask.ts';
import { assertPreemptionOff } from '../locking/preempt.ts';
import type { CallFunction } from './calls.ts';

const CSD_WANTED = point('smpCallFunctionMany: call record wanted');
const CSD_BUSY = point('smpCallFunctionMany: call record still in use');
const CALL_WRITTEN = point('smpCallFunctionMany: call written, not queued');
const QUEUED = point('smpCallFunctionMany: queued, no interrupt sent yet');
const WAITS = point('smpCallFunctionMany: waits for the call to be run');

/**
 * Runs `func` on every CPU of `targets` that is online but this one, and returns when all have run it. Linux with wait = true, the only
 * form that shootdowns use. Caller: preemption off, interrupts on, no lock held that a handler takes.
 */
export function* smpCallFunctionMany(cpu: Cpu, targets: readonly CpuId[], func: CallFunction): Path<void> {
  yield* cpu.kernel.lockdepAssertIrqsEnabled(cpu, 'cross-call');
  assertPreemptionOff(cpu, 'cross-call');
  const there = hasHotplug(cpu) ? yield* cpu.kernel.cpumaskAndOnline(cpu, targets) : targets;
  const sent = yield* cpu.kernel.smpSendCalls(cpu, there, func);
  yield* cpu.kernel.smpWaitForCalls(cpu, sent);
}

/**
 * Linux on_each_cpu_cond_mask(): as above for those of `targets` online for which `cond` says yes, this CPU included; the local call
 * runs between sending and waiting, so that local and remote work overlap. Returns how many other CPUs were called.
 */
export function* onEachCpuCondMask(
  cpu: Cpu,
  targets: readonly CpuId[],
  func: CallFunction,
  cond: ((cpu: Cpu, target: CpuId) => Path<boolean>) | undefined,
): Path<number> {
  yield* cpu.kernel.lockdepAssertIrqsEnabled(cpu, 'cross-call');
  assertPreemptionOff(cpu, 'cross-call');
  const runLocal = targets.includes(cpu.id) && (cond === undefined || (yield* cond(cpu, cpu.id)));
  const there = hasHotplug(cpu) ? yield* cpu.kernel.cpumaskAndOnline(cpu, targets) : targets;
  const remote: CpuId[] = [];
  for (const target of there) {
    if (target === cpu.id) continue;
    if (cond === undefined || (yield* cond(cpu, target))) remote.push(target);
  }
  yield* cpu.kernel.smpSendCalls(cpu, remote, func);
  if (runLocal) {
    localIrqSave(cpu);
    yield* cpu.kernel.runCall(cpu, cpu.id, func);
    localIrqRestore(cpu);
  }
  yield* cpu.kernel.smpWaitForCalls(cpu, remote);
  return remote.length;
}

/** Queues the call on each target, then sends the interrupts. Returns the targets called, this CPU left out. */
export function* smpSendCalls(cpu: Cpu, targets: readonly CpuId[], func: CallFunction): Path<CpuId[]> {
  const { csd } = cpu;
  const me = cpu.id;
  const called: CpuId[] = [];
  const toInterrupt: CpuId[] = [];
  for (const target of targets) {
    if (target === me) continue;
    const lock = csd.locked.at(me, target);
    if (cpu.at(CSD_WANTED, lock)) yield;
    while (cpu.mem.cas(lock, 0, 1) !== 0) yield cpu.waitWhile(CSD_BUSY, lock, 1);
    csd.func.store(me, func, target);
    if (cpu.at(CALL_WRITTEN, maskWord(cpu, csd.queue, target, me))) yield;
    const before = csd.queue.or(target, maskBit(cpu.geometry, me), maskIndex(cpu.geometry, me));
    if (before === 0) toInterrupt.push(target);
    called.push(target);
  }
  for (let nth = 0; nth < toInterrupt.length; nth++) {
    if (cpu.at(QUEUED, cpu.hw.apic.irr.at(toInterrupt[nth]))) yield;
    sendIpi(cpu, toInterrupt[nth], VECTOR_CALL_FUNCTION, nth);
  }
  return called;
}

/** Linux csd_lock_wait() on each target in turn. Interrupts stay on: this CPU runs the calls of others meanwhile. */
export function* smpWaitForCalls(cpu: Cpu, targets: readonly CpuId[]): Path<void> {
  const { csd } = cpu;
  const me = cpu.id;
  for (const target of targets) {
    if (target === me) continue;
    const lock = csd.locked.at(me, target);
    do yield cpu.waitWhile(WAITS, lock, 1);
    while (cpu.mem.load(lock) !== 0);
    cpu.spend(ipiAckCycles(cpu.costs, me, target));
  }
}
