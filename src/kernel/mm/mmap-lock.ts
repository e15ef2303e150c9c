/** Linux: include/linux/mmap_lock.h. mmap_lock for reading and writing; giving up the write side ends the marks of all VMAs. */
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { MmId } from '../types.ts';

export const WRITER_DONE = point('vmaEndWriteAll: vmas changed, their marks to be ended');

export function* mmapReadLock(cpu: Cpu, mm: MmId): Path<void> {
  yield* cpu.kernel.downRead(cpu, cpu.mm.mmapLock.at(mm));
}
export function* mmapReadUnlock(cpu: Cpu, mm: MmId): Path<void> {
  yield* cpu.kernel.upRead(cpu, cpu.mm.mmapLock.at(mm));
}
export function* mmapWriteLock(cpu: Cpu, mm: MmId): Path<void> {
  yield* cpu.kernel.downWrite(cpu, cpu.mm.mmapLock.at(mm));
}
export function* mmapWriteUnlock(cpu: Cpu, mm: MmId): Path<void> {
  yield* cpu.kernel.vmaEndWriteAll(cpu, mm);
  yield* cpu.kernel.upWrite(cpu, cpu.mm.mmapLock.at(mm));
}
/** Linux: mmap_write_downgrade(): what was detached is ours alone; faults elsewhere may go on. */
export function* mmapWriteDowngrade(cpu: Cpu, mm: MmId): Path<void> {
  yield* cpu.kernel.vmaEndWriteAll(cpu, mm);
  yield* cpu.kernel.downgradeWrite(cpu, cpu.mm.mmapLock.at(mm));
}

/** Linux: vma_end_write_all(). Caller holds mmap_lock for writing. */
export function* vmaEndWriteAll(cpu: Cpu, mm: MmId): Path<void> {
  const { mmLockSeq } = cpu.mm;
  if (cpu.at(WRITER_DONE, mmLockSeq.at(mm))) yield;
  mmLockSeq.add(mm, 1);
}
