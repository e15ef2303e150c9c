/** Linux: mm/mmap.c do_mmap() and mm/vma.c mmap_region(). Callers hold mmap_lock for writing. */
import type { Vpn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { isDevice } from '../drivers/vfio-pci.ts';
import { isFile, isMemoryFile, mayMap } from '../fs/inode.ts';
import {
  EACCES,
  EBADF,
  EEXIST,
  EINVAL,
  ENOMEM,
  type FileId,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  type MmId,
  NO_FILE,
  VM_EXEC,
  VM_NO_WRITENOTIFY,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_WRITE,
} from '../types.ts';
import { getUnmappedArea, NO_VMA, treeRemove, type VmaRange, vmasIn, vmaTreeEdit } from './vma-tree.ts';

/** What a mapping shows: a file from page `pgoff` on, or anonymous memory (NO_FILE). */
export interface Mapped {
  readonly file: FileId;
  readonly pgoff: number;
}

/**
 * Linux: vm_mmap_pgoff(): the first page of the new mapping, or a negative errno. Shared anonymous memory is as long as a file
 * can be: -ENOMEM.
 */
export function* vmMmap(
  cpu: Cpu,
  mm: MmId,
  hint: Vpn,
  pages: number,
  vmFlags: number,
  mapFlags: number,
  mapped: Mapped,
): Path<number> {
  const { file, pgoff } = mapped;
  if (pages <= 0) return EINVAL;
  if (file !== NO_FILE && !isFile(cpu, file)) return EBADF;
  if (file !== NO_FILE && pgoff + pages > cpu.geometry.filePages) return EINVAL;
  if (pages > cpu.geometry.pages) return ENOMEM;
  if (file === NO_FILE && (vmFlags & VM_SHARED) !== 0 && pages > cpu.geometry.filePages) return ENOMEM;
  yield* cpu.kernel.mmapWriteLock(cpu, mm);
  const start = yield* cpu.kernel.doMmap(cpu, mm, hint, pages, vmFlags, mapFlags, mapped);
  yield* cpu.kernel.mmapWriteUnlock(cpu, mm);
  return start;
}

/** Linux: do_mmap(): chooses the place. What is new counts as written to (__mmap_complete()), and what it merges with. */
export function* doMmap(
  cpu: Cpu,
  mm: MmId,
  hint: Vpn,
  pages: number,
  vmFlags: number,
  mapFlags: number,
  { file, pgoff }: Mapped,
): Path<number> {
  const fixed = (mapFlags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
  const start = fixed ? hint : getUnmappedArea(cpu, mm, hint, pages);
  if (start < 0 || start + pages > cpu.geometry.pages) return ENOMEM;
  if ((mapFlags & MAP_FIXED_NOREPLACE) !== 0 && vmasIn(cpu, mm, start, start + pages).length > 0) return EEXIST;
  if (!mayMap(cpu, file, vmFlags)) return EACCES;
  if (file !== NO_FILE && isDevice(cpu, file)) {
    const error = yield* cpu.kernel.vfioPciMmap(cpu, file, vmFlags);
    if (error !== 0) return error;
  }
  if (!fixed) cpu.observer?.placed(cpu, mm, start);
  const shared = (vmFlags & VM_SHARED) !== 0;
  const raw = file !== NO_FILE && isDevice(cpu, file) ? VM_PFNMAP : 0;
  const atOnce = shared && (file === NO_FILE || isMemoryFile(cpu, file)) ? VM_NO_WRITENOTIFY : 0;
  const flags = vmFlags | raw | VM_SOFTDIRTY | atOnce;
  const first = file === NO_FILE && !shared ? start : pgoff;
  const range = { start, end: start + pages, flags, pgoff: first, object: file };
  return yield* cpu.kernel.mmapRegion(cpu, mm, range);
}

/**
 * Linux: __mmap_region(). What lies there is unmapped while its VMAs are still in the tree, so that the range is never
 * seen empty: faults find marked VMAs and wait for mmap_lock. -ENOMEM leaves the old mapping gone, as in Linux.
 */
export function* mmapRegion(cpu: Cpu, mm: MmId, range: VmaRange): Path<number> {
  const vms = yield* cpu.kernel.vmsGatherMunmapVmas(cpu, mm, range.start, range.end);
  if (typeof vms === 'number') return vms;
  const replaces = vms.vmas.length > 0;
  if (replaces) yield* cpu.kernel.vmsClearPtes(cpu, vms);
  const { totalVm } = cpu.mm;
  const gone = vms.ranges.reduce((sum, r) => sum + r.end - r.start, 0);
  if (replaces) yield* vmaTreeEdit(cpu, mm, () => treeRemove(cpu, mm, range.start, range.end));
  const merged = yield* cpu.kernel.vmaMergeNewRange(cpu, mm, range);
  const placed = merged !== NO_VMA ? merged : yield* cpu.kernel.vmaLink(cpu, mm, range);
  totalVm.store(mm, totalVm.load(mm) - gone + (placed === NO_VMA ? 0 : range.end - range.start));
  yield* cpu.kernel.vmsFreeVmas(cpu, vms);
  return placed === NO_VMA ? ENOMEM : range.start;
}

/**
 * Linux: __mm_populate() and populate_vma_page_range(): faults the pages in, for writing where the mapping allows it.
 * What cannot be populated is left to later faults.
 */
export function* mmPopulate(cpu: Cpu, mm: MmId, start: number, pages: number): Path<void> {
  yield* cpu.kernel.mmapReadLock(cpu, mm);
  for (let at = start; at < start + pages; at++) {
    const [vma] = vmasIn(cpu, mm, at, at + 1);
    if (vma === undefined) break;
    const flags = cpu.vma.flags.load(vma);
    if ((flags & (VM_READ | VM_WRITE | VM_EXEC)) === 0 || (flags & VM_PFNMAP) !== 0) break;
    if ((yield* cpu.kernel.handleMmFault(cpu, mm, vma, at as Vpn, (flags & VM_WRITE) !== 0)) !== 0) break;
  }
  yield* cpu.kernel.mmapReadUnlock(cpu, mm);
}
