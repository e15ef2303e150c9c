/** The system calls of mm/ as user mode enters them. Each works on the mm of the running task. */
import type { Vpn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { EAGAIN, ENOMEM, type FileId, MAP_POPULATE, type MmId, NO_FILE, type TaskId } from '../types.ts';
import { NO_MM } from './fork.ts';

function currentMm(cpu: Cpu): MmId {
  return cpu.tasks.mm.load(cpu.current) as MmId;
}

/**
 * mmap(2): the first page of the mapping or a negative errno. `vpn` is a hint unless MAP_FIXED. `file` is mapped from its
 * page `pgoff` on; 0: anonymous memory.
 */
export function* sysMmap(
  cpu: Cpu,
  vpn: Vpn,
  pages: number,
  vmFlags: number,
  mapFlags: number,
  file: number = NO_FILE,
  pgoff = 0,
): Path<number> {
  const mm = currentMm(cpu);
  const mapped = { file: file as FileId, pgoff };
  const start = yield* cpu.kernel.vmMmap(cpu, mm, vpn, pages, vmFlags, mapFlags, mapped);
  if (start >= 0 && (mapFlags & MAP_POPULATE) !== 0) yield* cpu.kernel.mmPopulate(cpu, mm, start, pages);
  return start;
}

/** munmap(2). */
export function* sysMunmap(cpu: Cpu, vpn: Vpn, pages: number): Path<number> {
  return yield* cpu.kernel.vmMunmap(cpu, currentMm(cpu), vpn, pages);
}

/** mprotect(2). `vmFlags` holds VM_READ, VM_WRITE, VM_EXEC. */
export function* sysMprotect(cpu: Cpu, vpn: Vpn, pages: number, vmFlags: number): Path<number> {
  return yield* cpu.kernel.doMprotect(cpu, currentMm(cpu), vpn, pages, vmFlags);
}

/** mremap(2): MREMAP_FIXED to page `to`, or with `to` -1 in place and else anywhere. */
export function* sysMremap(cpu: Cpu, vpn: Vpn, pages: number, newPages: number, to: number): Path<number> {
  return yield* cpu.kernel.doMremap(cpu, { mm: currentMm(cpu), from: vpn, pages, newPages, to });
}

/** madvise(2). */
export function* sysMadvise(cpu: Cpu, vpn: Vpn, pages: number, advice: number): Path<number> {
  return yield* cpu.kernel.doMadvise(cpu, currentMm(cpu), vpn, pages, advice);
}

/** msync(2) with MS_SYNC. */
export function* sysMsync(cpu: Cpu, vpn: Vpn, pages: number): Path<number> {
  return yield* cpu.kernel.doMsync(cpu, currentMm(cpu), vpn, pages);
}

/** fork(2): starts `childTask` in a copy of the address space; the row of its mm, or a negative errno. -EAGAIN if it runs. */
export function* sysFork(cpu: Cpu, childTask: TaskId): Path<number> {
  const { mm } = cpu.tasks;
  if (mm.load(childTask) !== NO_MM || !(yield* cpu.kernel.isTaskDead(cpu, childTask))) return EAGAIN;
  const child = yield* cpu.kernel.dupMm(cpu, currentMm(cpu));
  if (child === NO_MM) return ENOMEM;
  mm.store(childTask, child);
  yield* cpu.kernel.wakeUpNewTask(cpu, childTask);
  return child;
}

/** exit(2), up to the point where only the task itself is left to end (doTaskDead). */
export function* sysExit(cpu: Cpu): Path<void> {
  const mm = yield* cpu.kernel.exitMm(cpu);
  if (mm !== NO_MM) yield* cpu.kernel.mmput(cpu, mm);
}
