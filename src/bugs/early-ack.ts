/**
 * Early acknowledgement (Amit, Tai, Wei, EuroSys 2020) without its exception: a CPU acknowledges a flush when it enters the
 * handler, for it cannot run user code before it has flushed. But it can walk, and so the tables may be freed under it.
 */
import { writeCr3 } from '../hardware/invalidate.ts';
import type { CpuId, Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { cpusOf } from '../kernel/cpumask.ts';
import { CALL_FLUSH_TLB, NO_CALL } from '../kernel/smp/calls.ts';
import { kernPcid } from '../kernel/tlb/switch-mm.ts';
import { type Asid, INIT_MM, type MmId } from '../kernel/types.ts';
import { type Path, point } from '../memory/point.ts';
import { definePatch } from './patch.ts';

const INTERRUPTED = point('early-ack: call interrupt taken');
const UNACKNOWLEDGED = point('early-ack: call to be acknowledged');
const FLUSH_LEFT = point('early-ack: acknowledged, generation not read');

export const earlyAck = definePatch({
  name: 'early-ack',
  says: 'a flush is acknowledged before it is done, also when page tables are freed after it',
  year: 2020,
  source: 'https://nadav.amit.zone/publications/amit2020tlb.html',

  /** Interrupts off. */
  *flushSmpCallFunctionQueue(cpu) {
    const { csd } = cpu;
    const me = cpu.id;
    const initiators: CpuId[] = [];
    for (let k = 0; k < cpu.geometry.maskWords; k++) {
      if (cpu.at(INTERRUPTED, csd.queue.at(me, k))) yield;
      cpusOf(cpu.geometry, csd.queue.exchange(me, 0, k), k, initiators);
    }
    let flushes = false;
    for (const initiator of initiators) {
      const func = csd.func.load(initiator, me);
      if (func === CALL_FLUSH_TLB) flushes = true;
      else yield* cpu.kernel.runCall(cpu, initiator, func);
      csd.func.store(initiator, NO_CALL, me);
      if (cpu.at(UNACKNOWLEDGED, csd.locked.at(initiator, me))) yield;
      csd.locked.store(initiator, 0, me);
    }
    if (flushes) yield* flushLoaded(cpu);
  },
});

/** The records of the initiators may be gone: everything is flushed, up to the generation of now. */
function* flushLoaded(cpu: Cpu): Path<void> {
  const { tlbState } = cpu;
  const me = cpu.id;
  const loaded = tlbState.loadedMm.load(me) as MmId;
  if (loaded === INIT_MM) return;
  if (tlbState.isLazy.load(me) !== 0) {
    yield* cpu.kernel.switchMmIrqsOff(cpu, INIT_MM);
    return;
  }
  if (cpu.at(FLUSH_LEFT, cpu.mm.tlbGen.at(loaded))) yield;
  const current = cpu.mm.tlbGen.load(loaded);
  const asid = tlbState.loadedMmAsid.own(me) as Asid;
  writeCr3(cpu, cpu.mm.pgd.load(loaded) as Pfn, kernPcid(asid), false);
  tlbState.ctxTlbGen.put(me, current, asid);
}
