/** Linux: kernel/smp.c, generic_smp_call_function_interrupt() and what it runs. Interrupts off. */
import { irqsOff } from '../../hardware/apic.ts';
import type { CpuId } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { cpusOf } from '../cpumask.ts';
import { CALL_FLUSH_TLB, CALL_RCU_EXP, CALL_SYNC, type CallFunction, NO_CALL } from './calls.ts';

const INTERRUPTED = point('flushSmpCallFunctionQueue: call interrupt taken');
const CALL_RUN = point('flushSmpCallFunctionQueue: call run, not acknowledged');

/** Linux __flush_smp_call_function_queue(): takes the whole queue of this CPU and runs it, lowest initiator first. */
export function* flushSmpCallFunctionQueue(cpu: Cpu): Path<void> {
  const { csd } = cpu;
  const me = cpu.id;
  const initiators: CpuId[] = [];
  for (let k = 0; k < cpu.geometry.maskWords; k++) {
    if (cpu.at(INTERRUPTED, csd.queue.at(me, k))) yield;
    cpusOf(cpu.geometry, csd.queue.exchange(me, 0, k), k, initiators);
  }
  for (const initiator of initiators) {
    const func = csd.func.load(initiator, me);
    if (func === NO_CALL) cpu.bug(`CPU${me} was called by CPU${initiator} for nothing`);
    yield* cpu.kernel.runCall(cpu, initiator, func);
    csd.func.store(initiator, NO_CALL, me);
    if (cpu.at(CALL_RUN, csd.locked.at(initiator, me))) yield;
    csd.locked.store(initiator, 0, me);
  }
}

/** Runs one call of `initiator` here. The flush record travels with the call: it may be read until the call is acknowledged. */
export function* runCall(cpu: Cpu, initiator: CpuId, func: CallFunction): Path<void> {
  if (!irqsOff(cpu)) cpu.bug(`a call runs on CPU${cpu.id} with IRQs on`);
  if (func === CALL_FLUSH_TLB) {
    const record = cpu.flushInfo.owner.at(initiator);
    cpu.mem.acquired(record, false);
    yield* cpu.kernel.flushTlbFunc(cpu, initiator);
    cpu.mem.released(record);
  } else if (func === CALL_RCU_EXP) {
    yield* cpu.kernel.rcuExpHandler(cpu);
  } else if (func !== CALL_SYNC) {
    cpu.bug(`unknown call ${func} of CPU${initiator}`);
  }
}
