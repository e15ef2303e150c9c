/** Linux: mm/mremap.c: resizing and moving a mapping. Everything runs under mmap_lock for writing. */
import type { Vpn } from '../../hardware/types.ts';
import { combined } from '../../memory/combined.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { EFAULT, EINVAL, ENOMEM, type MmId, VM_PFNMAP, VM_UFFD_WP, type VmaId } from '../types.ts';
import { NO_RMAP, rmapOf } from './i-mmap.ts';
import {
  findVma,
  getUnmappedArea,
  NO_VMA,
  vmaEnd,
  vmaFlags,
  vmaLookup,
  vmaRange,
  vmaStart,
  vmaStore,
  vmaTreeEdit,
} from './vma-tree.ts';

/** One mremap. `to` is the page it must move to (MREMAP_FIXED), or -1: in place, else anywhere (MREMAP_MAYMOVE). */
export interface VmaRemap {
  readonly mm: MmId;
  readonly from: number;
  readonly pages: number;
  readonly newPages: number;
  readonly to: number;
}

/** Linux: do_mremap(): the first page of the mapping afterwards, or a negative errno. The range must lie in one VMA. */
export function* doMremap(cpu: Cpu, vrm: VmaRemap): Path<number> {
  const { mm, from, pages, newPages, to } = vrm;
  const { geometry } = cpu;
  if (pages <= 0 || newPages <= 0 || from + pages > geometry.pages) return EINVAL;
  if (to >= 0 && (to + newPages > geometry.pages || (to < from + pages && from < to + newPages))) return EINVAL;
  yield* cpu.kernel.mmapWriteLock(cpu, mm);
  const vma = vmaLookup(cpu, mm, from);
  let result: number;
  if (vma === NO_VMA || from + pages > vmaEnd(cpu, vma)) result = EFAULT;
  // check_prep_vma(): VM_DONTEXPAND
  else if (newPages > pages && (vmaFlags(cpu, vma) & VM_PFNMAP) !== 0) result = EFAULT;
  else if (to >= 0) result = yield* cpu.kernel.mremapTo(cpu, vrm);
  else if (newPages <= pages) result = yield* cpu.kernel.shrinkVma(cpu, mm, from, pages, newPages);
  else result = yield* cpu.kernel.expandVma(cpu, vrm, vma);
  yield* cpu.kernel.mmapWriteUnlock(cpu, mm);
  return result;
}

/** Linux: shrink_vma(): unmaps the tail. */
export function* shrinkVma(cpu: Cpu, mm: MmId, from: number, pages: number, newPages: number): Path<number> {
  if (newPages === pages) return from;
  const error = yield* cpu.kernel.doMunmap(cpu, mm, from + newPages, from + pages);
  return error !== 0 ? error : from;
}

/** Linux: mremap_to(): unmaps the target, shrinks the source if needed, moves. A failure on the way leaves what was done. */
export function* mremapTo(cpu: Cpu, vrm: VmaRemap): Path<number> {
  const { mm, from, to, newPages } = vrm;
  const error = yield* cpu.kernel.doMunmap(cpu, mm, to, to + newPages);
  if (error !== 0) return error;
  let { pages } = vrm;
  if (newPages < pages) {
    const shrunk = yield* cpu.kernel.shrinkVma(cpu, mm, from, pages, newPages);
    if (shrunk < 0) return shrunk;
    pages = newPages;
  }
  return yield* cpu.kernel.moveVma(cpu, combined(vrm, { pages }), to);
}

/** Linux: expand_vma(): in place if the mapping ends its VMA and nothing follows closely, else moved. */
export function* expandVma(cpu: Cpu, vrm: VmaRemap, vma: VmaId): Path<number> {
  const { mm, from, pages, newPages } = vrm;
  const next = findVma(cpu, mm, from + pages);
  const limit = next === NO_VMA ? cpu.geometry.pages : vmaStart(cpu, next);
  if (vmaEnd(cpu, vma) === from + pages && from + newPages <= limit) {
    yield* cpu.kernel.expandVmaInPlace(cpu, mm, vma, from, from + newPages);
    return from;
  }
  const target = getUnmappedArea(cpu, mm, 0 as Vpn, newPages);
  return target < 0 ? ENOMEM : yield* cpu.kernel.moveVma(cpu, vrm, target);
}

/** Linux: expand_vma_in_place(): the mapping of which page `from` is a part reaches up to `end`. */
export function* expandVmaInPlace(cpu: Cpu, mm: MmId, vma: VmaId, from: number, end: number): Path<void> {
  const { totalVm } = cpu.mm;
  yield* cpu.kernel.vmaStartWrite(cpu, mm, vma);
  totalVm.store(mm, totalVm.load(mm) + end - vmaEnd(cpu, vma));
  const range = combined(vmaRange(cpu, vma), { end });
  cpu.observer?.placed(cpu, mm, from);
  const rmap = rmapOf(cpu, vma);
  yield* cpu.kernel.vmaPrepare(cpu, rmap);
  yield* vmaTreeEdit(cpu, mm, () => vmaStore(cpu, vma, range));
  yield* cpu.kernel.vmaComplete(cpu, rmap, [], []);
}

/**
 * Linux: move_vma(): a copy of the VMA at `to` (copy_vma), the page tables moved into it, the old range unmapped. When
 * tables cannot be had half-way, what moved moves back and the copy is unmapped: as if nothing had happened. The copy is not
 * registered with the userfaultfd (mremap_userfaultfd_prep(), no UFFD_FEATURE_EVENT_REMAP).
 */
export function* moveVma(cpu: Cpu, vrm: VmaRemap, to: number): Path<number> {
  const { mm, from, pages, newPages } = vrm;
  const { totalVm } = cpu.mm;
  const vma = vmaLookup(cpu, mm, from);
  const old = vmaRange(cpu, vma);
  const flags = old.flags & ~VM_UFFD_WP;
  const range = combined(old, { flags, start: to, end: to + newPages, pgoff: old.pgoff + (from - old.start) });
  const rmap = rmapOf(cpu, vma);
  // no racing faults in the old range
  yield* cpu.kernel.vmaStartWrite(cpu, mm, vma);
  cpu.observer?.placed(cpu, mm, to);
  const merged = yield* cpu.kernel.vmaMergeNewRange(cpu, mm, range);
  const target = merged !== NO_VMA ? merged : yield* cpu.kernel.vmaLink(cpu, mm, range);
  if (target === NO_VMA) return ENOMEM;
  totalVm.store(mm, totalVm.load(mm) + newPages);
  yield* cpu.kernel.vmaStartWrite(cpu, mm, target);
  // copy_vma(): a walk from the folio comes to the new place after the old one, unless the mapping merged with an earlier one
  const needRmapLocks = merged !== NO_VMA && vmaRange(cpu, target).pgoff <= old.pgoff;
  const moved = yield* cpu.kernel.movePageTables(cpu, mm, from, to, pages, needRmapLocks ? rmap : NO_RMAP);
  if (moved < pages) {
    yield* cpu.kernel.movePageTables(cpu, mm, to, from, moved, rmap);
    yield* cpu.kernel.doMunmap(cpu, mm, to, to + newPages);
    return ENOMEM;
  }
  const error = yield* cpu.kernel.doMunmap(cpu, mm, from, from + pages);
  // no row for the split that cuts the old range out: the empty range stays mapped, as in Linux
  return error !== 0 && error !== ENOMEM ? error : to;
}
