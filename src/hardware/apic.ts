/**
 * The local APIC of each CPU. An interrupt is a message: a bit in the target's request register, set by the sender and
 * taken by the target when its driver delivers. Delivery is an event of its own, any time after the send.
 *
 * Time. A message reaches its target `ipiDeliveryCycles` after the sender's clock said it was sent. The stamp is a word
 * private to the sender, written in the step of the send by the sender whose message raised the bit; the target reads it
 * when it takes the interrupt. That look into another CPU's private words is sanctioned because nothing but a clock
 * follows from it, and it happens in the stepper only.
 */
import type { Word } from '../memory/memory.ts';
import { ipiDeliveryCycles, ipiSendCycles } from './costs.ts';
import type { LogicalCpu } from './logical-cpu.ts';
import { type CpuId, VECTOR_DEVICE, VECTOR_RESCHEDULE, VECTORS } from './types.ts';

/** Interrupt vectors are bits of `apic.irr`, lowest first. Nothing pending. */
export const NO_VECTOR = -1;

/**
 * Sends `vector` to `target`; one contended access, `apic.irr[target]`, which the caller announces. Returns whether the
 * bit was clear: if not, this message has merged with one not yet delivered. `nth` numbers the targets of one request, for
 * the cost only. Not guaranteed: any order with respect to stores still in a store buffer (B-31).
 */
export function sendIpi(cpu: LogicalCpu, target: CpuId, vector: number, nth = 0): boolean {
  const { apic, count, regs } = cpu.hw;
  const { id } = cpu;
  cpu.spend(ipiSendCycles(cpu.costs, id, target, nth));
  const bit = 1 << vector;
  const raised = (apic.irr.or(target, bit) & bit) === 0;
  if (raised) apic.sentAt.put(id, regs.cycles.own(id), target * VECTORS + vector);
  cpu.count(count.ipisSent);
  if (vector === VECTOR_RESCHEDULE) cpu.count(count.reschedules);
  cpu.pace.kicked?.(target);
  return raised;
}

/**
 * A device interrupts `target` (a message that the device writes itself: MSI); one contended access, `apic.irr[target]`, which
 * the caller announces. Two before the delivery are one. It carries no stamp: no CPU has sent it.
 */
export function raiseDevice(cpu: LogicalCpu, target: CpuId): void {
  cpu.hw.apic.irr.or(target, 1 << VECTOR_DEVICE);
  cpu.pace.kicked?.(target);
}

/** Is any interrupt waiting for this CPU? A plain look, no event: between threads it may be out of date. */
export function apicHasPending(cpu: LogicalCpu): boolean {
  return cpu.hw.apic.irr.own(cpu.id) !== 0;
}

/** The word that the next `apicAcknowledge` touches. */
export function apicWord(cpu: LogicalCpu): Word {
  return cpu.hw.apic.irr.at(cpu.id);
}

/**
 * Takes the pending vector of highest priority off this CPU's register, to be handled now; NO_VECTOR if none is pending.
 * One contended access, `apicWord`. Others only ever set bits, so the vector chosen by a plain look is still there.
 */
export function apicAcknowledge(cpu: LogicalCpu): number {
  const { apic, count } = cpu.hw;
  const seen = apic.irr.own(cpu.id);
  if (seen === 0) return NO_VECTOR;
  const vector = 31 - Math.clz32(seen & -seen);
  apic.irr.and(cpu.id, ~(1 << vector));
  cpu.count(count.interrupts);
  if (cpu.pace.stepping) {
    const wait = ipiArrivesIn(cpu, vector);
    if (wait > 0) cpu.spend(wait);
    for (let sender = 0 as CpuId; sender < cpu.geometry.cpus; sender++) {
      const stamp = stampOf(cpu, sender, vector);
      if (stamp !== takenStamp(cpu, sender, vector)) apic.takenAt.put(cpu.id, stamp, sender * VECTORS + vector);
    }
  }
  cpu.spend(cpu.costs.handler);
  return vector;
}

/**
 * Cycles from this CPU's clock until the pending message of `vector` arrives; 0 or less if it is there, or if it carries
 * no stamp (own timer, device, timeless machine). Clocks wrap, so only differences mean anything. Stepper only.
 */
export function ipiArrivesIn(cpu: LogicalCpu, vector: number): number {
  const now = cpu.hw.regs.cycles.own(cpu.id);
  for (let sender = 0 as CpuId; sender < cpu.geometry.cpus; sender++) {
    const stamp = stampOf(cpu, sender, vector);
    if (stamp !== takenStamp(cpu, sender, vector)) {
      return (stamp + ipiDeliveryCycles(cpu.costs, sender, cpu.id) - now) | 0;
    }
  }
  return 0;
}

/** Linux local_irq_save() and local_irq_restore(), nested. */
export function localIrqSave(cpu: LogicalCpu): void {
  const { irqOff } = cpu.hw.regs;
  irqOff.put(cpu.id, irqOff.own(cpu.id) + 1);
}
export function localIrqRestore(cpu: LogicalCpu): void {
  const { irqOff } = cpu.hw.regs;
  irqOff.put(cpu.id, irqOff.own(cpu.id) - 1);
}
export function irqsOff(cpu: LogicalCpu): boolean {
  return cpu.hw.regs.irqOff.own(cpu.id) !== 0;
}

/** When `sender` last raised `vector` here, by its clock. */
function stampOf(cpu: LogicalCpu, sender: CpuId, vector: number): number {
  return cpu.hw.apic.sentAt.own(sender, cpu.id * VECTORS + vector);
}
function takenStamp(cpu: LogicalCpu, sender: CpuId, vector: number): number {
  return cpu.hw.apic.takenAt.own(cpu.id, sender * VECTORS + vector);
}
