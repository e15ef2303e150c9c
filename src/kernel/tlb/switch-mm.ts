/** Linux: arch/x86/mm/tlb.c switch_mm_irqs_off(), choose_new_asid(), load_new_mm_cr3(). */
import { irqsOff } from '../../hardware/apic.ts';
import { writeCr3 } from '../../hardware/invalidate.ts';
import type { Pcid, Pfn } from '../../hardware/types.ts';
import { NOWHERE } from '../../memory/memory.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { cpumaskClear, cpumaskSet, cpumaskTest, maskWord } from '../cpumask.ts';
import { smpMb } from '../locking/barrier.ts';
import { type Asid, INIT_MM, LOADED_MM_SWITCHING, type MmId } from '../types.ts';

const WAS_LAZY = point('switchMm: was lazy');
const LAZY_ENDED = point('switchMm: no longer lazy, generation not read');
const LEAVES = point('switchMm: about to leave the loaded mm');
const SWITCHING = point('switchMm: switching, cpumask not looked at');
const LEFT = point('switchMm: switching, still in the cpumask left');
const BIT_CLEAR = point('switchMm: not in the cpumask');
const IN_MASK = point('switchMm: in the cpumask, generation not read');
const GEN_READ = point('switchMm: generation read, CR3 not written');
const LOADED = point('switchMm: CR3 loaded, loaded mm not published');

/** The PCID of a dynamic ASID; PCID 0 stays unused (Linux: kern_pcid()). */
export function kernPcid(asid: Asid): Pcid {
  return (asid + 1) as Pcid;
}

/**
 * Makes `next` the loaded mm. Interrupts off. The flusher raises the generation and then reads cpumask, loaded_mm and
 * is_lazy; this publishes itself (SWITCHING, cpumask bit) and then reads the generation: one of the two sees the other. The
 * locked store of the bit, or the barrier where it is set already, keeps the read behind what was published.
 * The bit in the cpumask of the mm left stays set and is trimmed at flush time (switch `lazyCpumask`).
 */
export function* switchMmIrqsOff(cpu: Cpu, next: MmId): Path<void> {
  if (!irqsOff(cpu)) cpu.bug(`switchMmIrqsOff on CPU${cpu.id} with IRQs on`);
  const { tlbState } = cpu;
  const me = cpu.id;
  const prev = tlbState.loadedMm.load(me) as MmId;
  assertPcid(cpu);
  const wasLazy = tlbState.isLazy.load(me) !== 0;
  if (wasLazy) {
    if (cpu.at(WAS_LAZY, tlbState.isLazy.at(me))) yield;
    tlbState.isLazy.store(me, 0);
  }
  if (prev === next) {
    if (!wasLazy) return;
    // is_lazy is cleared, then the generation read: pairs with the flusher's read-modify-write of it
    smpMb(cpu);
    if (cpu.at(LAZY_ENDED, cpu.mm.tlbGen.at(next))) yield;
    const tlbGen = cpu.mm.tlbGen.load(next);
    const asid = tlbState.loadedMmAsid.own(me) as Asid;
    if (tlbState.ctxTlbGen.own(me, asid) === tlbGen) return;
    if (cpu.mem.buffered && cpu.at(GEN_READ, NOWHERE)) yield;
    loadNewMmCr3(cpu, next, { asid, needFlush: true }, tlbGen);
    return;
  }
  if (cpu.at(LEAVES, tlbState.loadedMm.at(me))) yield;
  tlbState.loadedMm.store(me, LOADED_MM_SWITCHING);
  if (!cpu.switches.lazyCpumask && prev !== INIT_MM) {
    if (cpu.at(LEFT, maskWord(cpu, cpu.mm.cpumask, prev, me))) yield;
    cpumaskClear(cpu, cpu.mm.cpumask, prev, me);
  }
  if (next !== INIT_MM) {
    const mask = maskWord(cpu, cpu.mm.cpumask, next, me);
    if (cpu.at(SWITCHING, mask)) yield;
    if (!cpumaskTest(cpu, cpu.mm.cpumask, next, me)) {
      if (cpu.at(BIT_CLEAR, mask)) yield;
      cpumaskSet(cpu, cpu.mm.cpumask, next, me);
    } else if (cpu.switches.switchMmBarrier) smpMb(cpu);
  }
  if (cpu.at(IN_MASK, cpu.mm.tlbGen.at(next))) yield;
  const tlbGen = cpu.mm.tlbGen.load(next);
  // the write of CR3 drains the store buffer: others may look between the read and that
  if (cpu.mem.buffered && cpu.at(GEN_READ, NOWHERE)) yield;
  loadNewMmCr3(cpu, next, chooseNewAsid(cpu, next, tlbGen), tlbGen);
  if (cpu.at(LOADED, tlbState.loadedMm.at(me))) yield;
  tlbState.loadedMm.store(me, next);
}

/** Linux: VM_WARN_ON_ONCE(__read_cr3() != build_cr3(…)), of the PCID: has the CPU loaded what the kernel believes it has? */
function assertPcid(cpu: Cpu): void {
  if (!cpu.switches.pcid) return;
  const pcid = cpu.hw.regs.cr3Pcid.own(cpu.id);
  const believed = kernPcid(cpu.tlbState.loadedMmAsid.own(cpu.id) as Asid);
  if (pcid !== believed) cpu.bug(`CPU${cpu.id} has PCID ${pcid} loaded, and its TLB state says ${believed}`);
}

interface NewAsid {
  readonly asid: Asid;
  readonly needFlush: boolean;
}

/** A slot that holds the mm already, or the next one round robin. Without PCIDs there is one slot, flushed each time. */
function chooseNewAsid(cpu: Cpu, next: MmId, tlbGen: number): NewAsid {
  if (!cpu.switches.pcid) return { asid: 0 as Asid, needFlush: true };
  const { tlbState, geometry } = cpu;
  const ctxId = cpu.mm.ctxId.load(next);
  for (let asid = 0 as Asid; asid < geometry.asids; asid++) {
    if (tlbState.ctxId.own(cpu.id, asid) !== ctxId) continue;
    return { asid, needFlush: tlbState.ctxTlbGen.own(cpu.id, asid) - tlbGen < 0 };
  }
  const turn = tlbState.nextAsid.own(cpu.id);
  const asid = (turn < geometry.asids ? turn : 0) as Asid;
  tlbState.nextAsid.put(cpu.id, asid + 1);
  return { asid, needFlush: true };
}

/** Private to this CPU: no point needed between the bookkeeping and the register. */
function loadNewMmCr3(cpu: Cpu, next: MmId, { asid, needFlush }: NewAsid, tlbGen: number): void {
  const { tlbState } = cpu;
  const me = cpu.id;
  if (needFlush) {
    tlbState.ctxId.put(me, cpu.mm.ctxId.load(next), asid);
    tlbState.ctxTlbGen.put(me, tlbGen, asid);
  }
  tlbState.loadedMmAsid.put(me, asid);
  writeCr3(cpu, cpu.mm.pgd.load(next) as Pfn, kernPcid(asid), !needFlush);
}
