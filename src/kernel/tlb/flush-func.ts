/** Linux: arch/x86/mm/tlb.c flush_tlb_func(): what a CPU does when it is asked to flush. */
import { irqsOff } from '../../hardware/apic.ts';
import { invlpg, writeCr3 } from '../../hardware/invalidate.ts';
import type { CpuId, Pfn, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { cpumaskClear, maskWord } from '../cpumask.ts';
import { type Asid, INIT_MM, type MmId } from '../types.ts';
import { ANY_MM, flushPages, TLB_GENERATION_INVALID } from './flush-info.ts';
import { kernPcid } from './switch-mm.ts';

const WRONG_MM = point('flushTlbFunc: another mm is loaded');
const BEHIND = point('flushTlbFunc: this CPU is behind the request');

/** The flush of this CPU's own record, here. Interrupts off. */
export function* runFlushLocally(cpu: Cpu): Path<void> {
  yield* cpu.kernel.flushTlbFunc(cpu, cpu.id);
}

/**
 * Runs the request of `initiator`. Interrupts off, not reentrant: only flushes and switches of this CPU change its ctxs.
 * A page-wise flush is right only if the request is exactly the next generation and the newest: with a full flush and a
 * one-page flush handled in the wrong order, anything laxer would record the newer generation and lose the full flush.
 */
export function* flushTlbFunc(cpu: Cpu, initiator: CpuId): Path<void> {
  if (!irqsOff(cpu)) cpu.bug(`flushTlbFunc on CPU${cpu.id} with IRQs on`);
  const { tlbState, flushInfo, kcount } = cpu;
  const me = cpu.id;
  const remote = initiator !== me;
  const loaded = tlbState.loadedMm.load(me) as MmId;
  if (remote) {
    cpu.count(kcount.handlerRuns);
    const mm = flushInfo.mm.load(initiator) as MmId;
    if (mm !== ANY_MM && mm !== loaded) {
      cpu.count(kcount.handlerWrongMm);
      if (cpu.at(WRONG_MM, maskWord(cpu, cpu.mm.cpumask, mm, me))) yield;
      cpumaskClear(cpu, cpu.mm.cpumask, mm, me);
      return;
    }
  }
  if (loaded === INIT_MM) {
    if (remote) cpu.count(kcount.handlerWrongMm);
    return;
  }
  if (tlbState.isLazy.load(me) !== 0) {
    // leaves the mm altogether: its paging-structure caches may point to freed tables
    if (remote) cpu.count(kcount.handlerFlushed);
    yield* cpu.kernel.switchMmIrqsOff(cpu, INIT_MM);
    return;
  }
  const asid = tlbState.loadedMmAsid.own(me);
  const local = tlbState.ctxTlbGen.own(me, asid);
  const wanted = flushInfo.newTlbGen.load(initiator);
  if (wanted !== TLB_GENERATION_INVALID && wanted - local <= 0) {
    if (remote) cpu.count(kcount.handlerAlreadyCurrent);
    return;
  }
  // read as late as possible: what it covers need not be flushed again
  if (cpu.at(BEHIND, cpu.mm.tlbGen.at(loaded))) yield;
  const current = cpu.mm.tlbGen.load(loaded);
  if (current === local) {
    if (remote) cpu.count(kcount.handlerAlreadyCurrent);
    return;
  }
  if (remote) cpu.count(kcount.handlerFlushed);
  const isNext = wanted === ((local + 1) | 0) && wanted === current;
  if (flushInfo.full.load(initiator) === 0 && isNext) {
    const start = flushInfo.start.load(initiator);
    const pages = flushPages(cpu, initiator);
    for (let i = 0; i < pages; i++) invlpg(cpu, ((start + i) >>> 0) as Vpn);
  } else {
    flushTlbLocal(cpu, loaded);
  }
  tlbState.ctxTlbGen.put(me, current, asid);
}

/** Linux flush_tlb_local(): everything non-global of the loaded ASID, by loading CR3 anew. */
function flushTlbLocal(cpu: Cpu, loaded: MmId): void {
  const asid = cpu.tlbState.loadedMmAsid.own(cpu.id) as Asid;
  writeCr3(cpu, cpu.mm.pgd.load(loaded) as Pfn, kernPcid(asid), false);
}
