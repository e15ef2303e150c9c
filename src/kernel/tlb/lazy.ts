/** Linux: arch/x86/mm/tlb.c enter_lazy_tlb(), leave_mm(): a CPU that runs a kernel thread keeps the tables it has. */
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { INIT_MM } from '../types.ts';

const BORROWS = point('enterLazyTlb: kernel thread borrows the loaded mm');

/** From now on shootdowns skip this CPU; CR3 and the bit in the cpumask stay. Interrupts off. */
export function* enterLazyTlb(cpu: Cpu): Path<void> {
  const { tlbState } = cpu;
  if (tlbState.loadedMm.load(cpu.id) === INIT_MM) return;
  if (cpu.at(BORROWS, tlbState.isLazy.at(cpu.id))) yield;
  tlbState.isLazy.store(cpu.id, 1);
}

/** Gives the borrowed mm up: the kernel's own tables are loaded. For deep idle states. Interrupts off. */
export function* leaveMm(cpu: Cpu): Path<void> {
  const { tlbState } = cpu;
  if (tlbState.loadedMm.load(cpu.id) === INIT_MM) return;
  if (tlbState.isLazy.load(cpu.id) === 0) cpu.bug(`leaveMm on CPU${cpu.id} with a user mm in use`);
  yield* cpu.kernel.switchMmIrqsOff(cpu, INIT_MM);
}
