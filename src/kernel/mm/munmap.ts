/**
 * Linux: mm/vma.c, munmap: VMAs are cut out, marked and detached under mmap_lock for writing; the lock is downgraded; then
 * pages are unhooked, tables freed, everything flushed, and frames given back.
 */
import type { Vpn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { EINVAL, type MmId, type VmaId } from '../types.ts';
import {
  findVma,
  NO_VMA,
  treeRemove,
  vmaBefore,
  vmaEnd,
  vmaLookup,
  vmaStart,
  vmasIn,
  vmaTreeEdit,
} from './vma-tree.ts';
import type { UnmapRange } from './zap.ts';

/** Linux: struct vma_munmap_struct: what one munmap takes away. Lives as long as the operation. */
export interface VmaMunmap {
  readonly mm: MmId;
  readonly start: number;
  readonly end: number;
  /** The detached VMAs, lowest first, and where each lay. */
  readonly vmas: VmaId[];
  readonly ranges: readonly UnmapRange[];
  /** Ends of the neighbours: tables between them are free to go. */
  floor: number;
  ceiling: number;
}

/** Linux: __vm_munmap(). 0 or a negative errno. */
export function* vmMunmap(cpu: Cpu, mm: MmId, start: Vpn, pages: number): Path<number> {
  if (pages <= 0 || start + pages > cpu.geometry.pages) return EINVAL;
  yield* cpu.kernel.mmapWriteLock(cpu, mm);
  const vms = yield* cpu.kernel.vmsGatherMunmapVmas(cpu, mm, start, start + pages);
  if (typeof vms === 'number') {
    yield* cpu.kernel.mmapWriteUnlock(cpu, mm);
    return vms;
  }
  if (vms.vmas.length === 0) {
    yield* cpu.kernel.mmapWriteUnlock(cpu, mm);
    return 0;
  }
  yield* cpu.kernel.vmsRemoveFromTree(cpu, vms);
  yield* cpu.kernel.mmapWriteDowngrade(cpu, mm);
  yield* cpu.kernel.vmsClearPtes(cpu, vms);
  yield* cpu.kernel.vmsFreeVmas(cpu, vms);
  yield* cpu.kernel.mmapReadUnlock(cpu, mm);
  return 0;
}

/** Linux: do_vmi_munmap() without unlocking: for callers that need mmap_lock for writing afterwards. 0 or an errno. */
export function* doMunmap(cpu: Cpu, mm: MmId, start: number, end: number): Path<number> {
  const vms = yield* cpu.kernel.vmsGatherMunmapVmas(cpu, mm, start, end);
  if (typeof vms === 'number') return vms;
  if (vms.vmas.length === 0) return 0;
  yield* cpu.kernel.vmsRemoveFromTree(cpu, vms);
  yield* cpu.kernel.vmsClearPtes(cpu, vms);
  yield* cpu.kernel.vmsFreeVmas(cpu, vms);
  return 0;
}

/**
 * Linux: vms_gather_munmap_vmas(): splits at both ends, marks every VMA of the range. -ENOMEM undoes nothing but needs no
 * undoing: a split VMA is as good as a whole one. Detaching comes after the last step that can fail.
 */
export function* vmsGatherMunmapVmas(cpu: Cpu, mm: MmId, start: number, end: number): Path<VmaMunmap | number> {
  const first = vmaLookup(cpu, mm, start);
  if (first !== NO_VMA && vmaStart(cpu, first) < start) {
    const error = yield* cpu.kernel.splitVma(cpu, mm, first, start, 'below');
    if (error !== 0) return error;
  }
  const last = vmaLookup(cpu, mm, end - 1);
  if (last !== NO_VMA && vmaEnd(cpu, last) > end) {
    const error = yield* cpu.kernel.splitVma(cpu, mm, last, end, 'above');
    if (error !== 0) return error;
  }
  const vmas = vmasIn(cpu, mm, start, end);
  for (const vma of vmas) {
    yield* cpu.kernel.vmaStartWrite(cpu, mm, vma);
    yield* cpu.kernel.vmaMarkDetached(cpu, vma);
  }
  const prev = vmaBefore(cpu, mm, start);
  const next = findVma(cpu, mm, end);
  return {
    mm,
    start,
    end,
    vmas,
    ranges: vmas.map((vma) => ({ vma, start: vmaStart(cpu, vma), end: vmaEnd(cpu, vma) })),
    floor: prev === NO_VMA ? 0 : vmaEnd(cpu, prev),
    ceiling: next === NO_VMA ? cpu.geometry.pages : vmaStart(cpu, next),
  };
}

/** Linux: vma_iter_clear_gfp() and the accounting: from here on nobody finds the VMAs. */
export function* vmsRemoveFromTree(cpu: Cpu, vms: VmaMunmap): Path<void> {
  const { totalVm } = cpu.mm;
  yield* vmaTreeEdit(cpu, vms.mm, () => treeRemove(cpu, vms.mm, vms.start, vms.end));
  const pages = vms.ranges.reduce((sum, r) => sum + r.end - r.start, 0);
  totalVm.store(vms.mm, totalVm.load(vms.mm) - pages);
}

/** Linux: vms_clear_ptes(). Caller holds mmap_lock, for reading or writing; the VMAs are detached. */
export function* vmsClearPtes(cpu: Cpu, vms: VmaMunmap): Path<void> {
  const { ranges } = vms;
  const tlb = yield* cpu.kernel.tlbGatherMmu(cpu, vms.mm);
  yield* cpu.kernel.unmapVmas(cpu, tlb, ranges);
  yield* cpu.kernel.freePgtables(cpu, tlb, ranges, vms.floor, vms.ceiling);
  yield* cpu.kernel.tlbFinishMmu(cpu, tlb);
}

/** Linux: the last loop of vms_complete_munmap_vmas(). */
export function* vmsFreeVmas(cpu: Cpu, vms: VmaMunmap): Path<void> {
  for (const vma of vms.vmas) yield* cpu.kernel.vmAreaFree(cpu, vma);
}
