/**
 * Linux: kernel/sched/fair.c task_numa_work() and mm/mempolicy.c change_prot_numa(): a task takes the rights from entries of its own
 * address space, so that the next use of each page faults and shows who uses it. Linux goes on where it stopped last time,
 * from mm->numa_scan_offset; here the program says which pages.
 */
import { nodeOf } from '../../hardware/geometry.ts';
import type { PteLo } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import {
  EINVAL,
  FAST_NODE,
  INIT_MM,
  MM_CP_PROT_NUMA,
  type MmId,
  NO_FILE,
  VM_EXEC,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
  type VmaId,
} from '../types.ts';
import { PG_ANON, PG_DIRTY } from './folio.ts';
import { NO_PAGE } from './page-alloc.ts';
import { pteProtnone, vmNormalPage } from './pte-prot.ts';
import { findVma, NO_VMA, vmaEnd, vmaRange, vmaStart } from './vma-tree.ts';

export const SHARED_COPY = point('protNumaSkip: page of a private mapping, is it mapped elsewhere?');
export const DIRTY_CHECK = point('protNumaSkip: is the folio dirty?');

/**
 * Linux: task_numa_work(). 0, or a negative errno of a task without an address space. Restated: waits for mmap_lock, where
 * Linux gives up.
 */
export function* taskNumaWork(cpu: Cpu, start: number, pages: number): Path<number> {
  const { kernel } = cpu;
  const mm = cpu.tasks.mm.load(cpu.current) as MmId;
  if (mm === INIT_MM) return EINVAL;
  const end = Math.min(start + pages, cpu.geometry.pages);
  yield* kernel.mmapReadLock(cpu, mm);
  for (let at = start; at < end; ) {
    const vma = findVma(cpu, mm, at);
    if (vma === NO_VMA) break;
    const from = Math.max(at, vmaStart(cpu, vma));
    at = Math.min(end, vmaEnd(cpu, vma));
    if (from < at && isScanned(cpu, vma)) yield* kernel.changeProtNuma(cpu, mm, vma, from, at);
  }
  yield* kernel.mmapReadUnlock(cpu, mm);
  return 0;
}

/** Mappings without rights would be confused with hints, and read-only ones of files are not worth it: program text. */
function isScanned(cpu: Cpu, vma: VmaId): boolean {
  const { flags, object } = vmaRange(cpu, vma);
  if ((flags & (VM_READ | VM_WRITE | VM_EXEC)) === 0) return false;
  return object === NO_FILE || (flags & (VM_READ | VM_WRITE)) !== VM_READ;
}

/** Linux: change_prot_numa(). Caller holds mmap_lock for reading: faults, and other scans, run meanwhile. */
export function* changeProtNuma(cpu: Cpu, mm: MmId, vma: VmaId, start: number, end: number): Path<void> {
  const { kernel } = cpu;
  const tlb = yield* kernel.tlbGatherMmu(cpu, mm);
  yield* kernel.changeProtection(cpu, tlb, start, end, vmaRange(cpu, vma).flags, MM_CP_PROT_NUMA);
  yield* kernel.tlbFinishMmu(cpu, tlb);
}

/** By the flags of a folio. Not every file system moves dirty folios asynchronously. */
export function isDirtyFilePage(flags: number): boolean {
  return (flags & (PG_DIRTY | PG_ANON)) === PG_DIRTY;
}

/**
 * Linux: prot_numa_skip() in memory tiering mode: entries that are hints already, pages of the fast node, copies that a fork
 * shares, dirty pages of files. Caller holds the PTL.
 */
export function* protNumaSkip(cpu: Cpu, lo: PteLo, vmFlags: number): Path<boolean> {
  const { mapcount, flags } = cpu.folio;
  if (pteProtnone(lo)) return true;
  const page = vmNormalPage(lo);
  if (page === NO_PAGE || nodeOf(cpu.geometry, page) === FAST_NODE) return true;
  if ((vmFlags & VM_SHARED) === 0) {
    if (cpu.at(SHARED_COPY, mapcount.at(page))) yield;
    if (mapcount.load(page) > 1) return true;
  }
  if (cpu.at(DIRTY_CHECK, flags.at(page))) yield;
  return isDirtyFilePage(flags.load(page));
}
