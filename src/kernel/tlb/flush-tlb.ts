/** Linux: arch/x86/mm/tlb.c flush_tlb_mm_range() and arch/x86/include/asm/tlbflush.h: the flushes that mm code asks for. */
import { localIrqRestore, localIrqSave } from '../../hardware/apic.ts';
import type { CpuId } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { cpumaskRead } from '../cpumask.ts';
import { preemptDisable, preemptEnable } from '../locking/preempt.ts';
import type { MmId } from '../types.ts';
import { getFlushTlbInfo, putFlushTlbInfo, TLB_FLUSH_ALL } from './flush-info.ts';

const PTES_CHANGED = point('flushTlbMmRange: ptes changed, generation not raised');
const GEN_RAISED = point('flushTlbMmRange: generation raised, cpumask not read');

/**
 * Makes every TLB coherent with the page tables of `mm` for `[start, end)`; with `freedTables` the paging-structure caches
 * too. When it returns, no CPU uses an entry that a PTE store before the call made stale. The read-modify-write of the
 * generation is the full barrier between those stores and the reads of cpumask, loaded_mm and is_lazy. Caller: any lock,
 * interrupts on. Restated: Linux reads the cpumask twice (is anyone else in it; who is), here once.
 */
export function* flushTlbMmRange(cpu: Cpu, mm: MmId, start: number, end: number, freedTables: boolean): Path<void> {
  preemptDisable(cpu);
  const me = cpu.id;
  const newTlbGen = yield* cpu.kernel.incMmTlbGen(cpu, mm);
  const trim = newTlbGen % cpu.geometry.trimEvery === 0;
  getFlushTlbInfo(cpu, { mm, start, end, freedTables, newTlbGen, trim });
  const users: CpuId[] = yield* cpumaskRead(cpu, GEN_RAISED, cpu.mm.cpumask, mm);
  if (users.some((id) => id !== me)) {
    yield* cpu.kernel.flushTlbMulti(cpu, users);
  } else if (cpu.tlbState.loadedMm.load(me) === mm) {
    localIrqSave(cpu);
    yield* cpu.kernel.runFlushLocally(cpu);
    localIrqRestore(cpu);
  }
  putFlushTlbInfo(cpu);
  yield* preemptEnable(cpu);
}

/** Linux inc_mm_tlb_gen(): the new generation. */
export function* incMmTlbGen(cpu: Cpu, mm: MmId): Path<number> {
  if (cpu.at(PTES_CHANGED, cpu.mm.tlbGen.at(mm))) yield;
  cpu.spend(cpu.costs.lockedRmw);
  return (cpu.mm.tlbGen.add(mm, 1) + 1) | 0;
}

/** Linux flush_tlb_mm(): everything, paging-structure caches included. */
export function* flushTlbMm(cpu: Cpu, mm: MmId): Path<void> {
  yield* cpu.kernel.flushTlbMmRange(cpu, mm, 0, TLB_FLUSH_ALL, true);
}

/** Linux flush_tlb_page(): one page whose table stays. */
export function* flushTlbPage(cpu: Cpu, mm: MmId, vpn: number): Path<void> {
  yield* cpu.kernel.flushTlbMmRange(cpu, mm, vpn, vpn + 1, false);
}

/** Linux flush_tlb_range(): on x86 always as if tables had been freed. */
export function* flushTlbRange(cpu: Cpu, mm: MmId, start: number, end: number): Path<void> {
  yield* cpu.kernel.flushTlbMmRange(cpu, mm, start, end, true);
}
