/** Linux: arch/x86/mm/tlb.c native_flush_tlb_multi(), should_flush_tlb(): who gets an interrupt. */
import type { CpuId } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { cpumaskTest, maskWord } from '../cpumask.ts';
import { CALL_FLUSH_TLB } from '../smp/calls.ts';
import { LOADED_MM_SWITCHING, type MmId } from '../types.ts';
import { ANY_MM } from './flush-info.ts';

const TARGET_NAMED = point('shouldFlushTlb: target named');
const MM_READ = point('shouldFlushTlb: loaded mm read, lazy not');
const NOT_LOADED = point('shouldFlushTlb: mm not loaded, trimming');

/**
 * Sends the request in this CPU's record to `targets`, runs it here if this CPU is among them, and waits for all. If tables
 * were freed everyone is told, lazy CPUs too: they may walk freed tables speculatively. Caller: preemption off, IRQs on.
 */
export function* flushTlbMulti(cpu: Cpu, targets: readonly CpuId[]): Path<void> {
  const { kcount, flushInfo, kernel } = cpu;
  const me = cpu.id;
  const others = targets.filter((id) => id !== me).length;
  cpu.count(kcount.requests);
  kcount.targets.put(me, kcount.targets.own(me) + others);
  const cond = flushInfo.freedTables.load(me) === 1 ? undefined : kernel.shouldFlushTlb;
  const called = yield* kernel.onEachCpuCondMask(cpu, targets, CALL_FLUSH_TLB, cond);
  kcount.skipped.put(me, kcount.skipped.own(me) + others - called);
}

/**
 * Does `target` have to run the flush in this CPU's record? loaded_mm is read before is_lazy, in the order opposite to
 * that in which switch_mm writes them, so that laziness is at least as new as the mm. A lazy CPU catches up by generation
 * when it stops being lazy.
 */
export function* shouldFlushTlb(cpu: Cpu, target: CpuId): Path<boolean> {
  const { tlbState, flushInfo, switches } = cpu;
  if (cpu.at(TARGET_NAMED, tlbState.loadedMm.at(target))) yield;
  const loaded = tlbState.loadedMm.load(target);
  if (cpu.at(MM_READ, tlbState.isLazy.at(target))) yield;
  if (tlbState.isLazy.load(target) !== 0) return false;
  const mm = flushInfo.mm.load(cpu.id);
  if (mm === ANY_MM) return true;
  if (loaded === LOADED_MM_SWITCHING && switches.ipiWhileSwitching) return true;
  if (loaded === mm) return true;
  if (flushInfo.trim.load(cpu.id) === 0) return false;
  if (cpu.at(NOT_LOADED, maskWord(cpu, cpu.mm.cpumask, mm as MmId, target))) yield;
  return cpumaskTest(cpu, cpu.mm.cpumask, mm as MmId, target);
}
