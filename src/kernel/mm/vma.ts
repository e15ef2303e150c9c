/**
 * Linux: mm/vma.c: VMAs created, split and merged. Callers hold mmap_lock for writing. Two VMAs are one if they map the same
 * file, or none, flags agree and the page offsets go on. VM_SOFTDIRTY need not agree: what one of them had, the whole has
 * (VM_STICKY, commit 6707915e030a and its backport to 6.18).
 */
import { combined } from '../../memory/combined.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { ENOMEM, type FileId, type MmId, NO_ANON_VMA, NO_FILE, VM_SHARED, VM_SOFTDIRTY, type VmaId } from '../types.ts';
import { anonVmaFor } from './anon-vma.ts';
import { rmapOf } from './i-mmap.ts';
import { SLAB_VMA } from './slab.ts';
import {
  NO_VMA,
  treeInsert,
  treeRemove,
  type VmaRange,
  vmaBefore,
  vmaEnd,
  vmaLookup,
  vmaRange,
  vmaStart,
  vmaStore,
  vmaTreeEdit,
} from './vma-tree.ts';

export const ROW_TAKEN = point('vmAreaAlloc: row taken, not yet of this mm');

/** Linux: vm_area_alloc(). A row of this mm, detached; NO_VMA if there is none. */
export function* vmAreaAlloc(cpu: Cpu, mm: MmId): Path<VmaId> {
  const vma = (yield* cpu.kernel.kmemCacheAlloc(cpu, SLAB_VMA)) as VmaId;
  if (vma === NO_VMA) return NO_VMA;
  if (cpu.at(ROW_TAKEN, cpu.vma.mm.at(vma))) yield;
  cpu.vma.mm.store(vma, mm);
  return vma;
}

/** Linux: remove_vma(): its file is let go of, vm_area_free(). The VMA is detached; lockless readers may still pass by. */
export function* vmAreaFree(cpu: Cpu, vma: VmaId): Path<void> {
  const file = cpu.vma.object.load(vma) as FileId;
  cpu.vma.object.store(vma, NO_FILE);
  cpu.vma.anonVma.store(vma, NO_ANON_VMA);
  yield* cpu.kernel.kmemCacheFree(cpu, SLAB_VMA, vma);
  yield* cpu.kernel.fput(cpu, file);
}

/** Linux: __mmap_new_vma() and vma_link(): a new VMA, marked and attached. NO_VMA when out of memory, or of nameless files. */
export function* vmaLink(cpu: Cpu, mm: MmId, range: VmaRange): Path<VmaId> {
  const vma = yield* cpu.kernel.vmAreaAlloc(cpu, mm);
  if (vma === NO_VMA) return NO_VMA;
  let file = range.object;
  if (file !== NO_FILE) yield* cpu.kernel.getFile(cpu, file);
  else if ((range.flags & VM_SHARED) !== 0) {
    file = yield* cpu.kernel.shmemZeroSetup(cpu, range.end - range.start);
    if (file === NO_FILE) {
      yield* cpu.kernel.vmAreaFree(cpu, vma);
      return NO_VMA;
    }
  }
  cpu.vma.object.store(vma, file);
  cpu.vma.anonVma.store(vma, anonVmaFor(cpu, mm, range.flags));
  yield* cpu.kernel.vmaMarkAttached(cpu, mm, vma);
  const rmap = rmapOf(cpu, vma);
  yield* cpu.kernel.vmaPrepare(cpu, rmap);
  yield* vmaTreeEdit(cpu, mm, () => treeInsert(cpu, mm, vma, range));
  yield* cpu.kernel.vmaComplete(cpu, rmap, [vma], []);
  return vma;
}

/** Linux: __split_vma() at page `at`: a new VMA takes the part that `newPart` names, `vma` keeps the other. 0 or -ENOMEM. */
export function* splitVma(cpu: Cpu, mm: MmId, vma: VmaId, at: number, newPart: 'below' | 'above'): Path<number> {
  const fresh = yield* cpu.kernel.vmAreaAlloc(cpu, mm);
  if (fresh === NO_VMA) return ENOMEM;
  const rmap = rmapOf(cpu, vma);
  yield* cpu.kernel.getFile(cpu, rmap.file);
  cpu.vma.object.store(fresh, rmap.file);
  cpu.vma.anonVma.store(fresh, rmap.anonVma);
  yield* cpu.kernel.vmaStartWrite(cpu, mm, vma);
  yield* cpu.kernel.vmaMarkAttached(cpu, mm, fresh);
  yield* cpu.kernel.vmaPrepare(cpu, rmap);
  yield* vmaTreeEdit(cpu, mm, () => {
    const whole = vmaRange(cpu, vma);
    const below = combined(whole, { end: at });
    const above = combined(whole, { start: at, pgoff: whole.pgoff + (at - whole.start) });
    vmaStore(cpu, vma, newPart === 'below' ? above : below);
    treeInsert(cpu, mm, fresh, newPart === 'below' ? below : above);
  });
  yield* cpu.kernel.vmaComplete(cpu, rmap, [fresh], []);
  return 0;
}

/**
 * Linux: vma_merge_new_range(): lets neighbours grow over `range`, which no VMA covers. Returns the VMA that covers it
 * then, NO_VMA if no neighbour fits.
 */
export function* vmaMergeNewRange(cpu: Cpu, mm: MmId, range: VmaRange): Path<VmaId> {
  const prev = mergeableBefore(cpu, mm, range);
  const next = mergeableAfter(cpu, mm, range);
  const keeper = prev !== NO_VMA ? prev : next;
  if (keeper === NO_VMA) return NO_VMA;
  yield* cpu.kernel.vmaStartWrite(cpu, mm, keeper);
  if (prev !== NO_VMA && next !== NO_VMA) yield* cpu.kernel.vmaStartWrite(cpu, mm, next);
  const rmap = rmapOf(cpu, keeper);
  yield* cpu.kernel.vmaPrepare(cpu, rmap);
  yield* vmaTreeEdit(cpu, mm, () => {
    const from = prev !== NO_VMA ? vmaRange(cpu, prev) : range;
    const end = next !== NO_VMA ? vmaEnd(cpu, next) : range.end;
    if (keeper !== next && next !== NO_VMA) treeRemove(cpu, mm, vmaStart(cpu, next), end);
    const flags = mergedFlags(cpu, range, keeper, next);
    vmaStore(cpu, keeper, combined(range, { flags, start: from.start, pgoff: from.pgoff, end }));
  });
  const swallowed = keeper !== next ? next : NO_VMA;
  yield* cpu.kernel.vmaComplete(cpu, rmap, [], swallowed === NO_VMA ? [] : [swallowed]);
  if (swallowed !== NO_VMA) yield* cpu.kernel.removeVma(cpu, swallowed);
  return keeper;
}

/**
 * Linux: vma_modify(): makes [start, end), a part of `vma` that will get `flags`, a VMA of its own or a part of a
 * neighbour with these flags. Returns that VMA (its flags are not changed here unless it merged) or -ENOMEM.
 */
export function* vmaModify(cpu: Cpu, mm: MmId, vma: VmaId, start: number, end: number, flags: number): Path<number> {
  const merged = yield* cpu.kernel.vmaMergeExistingRange(cpu, mm, vma, start, end, flags);
  if (merged !== NO_VMA) return merged;
  if (vmaStart(cpu, vma) < start) {
    const error = yield* cpu.kernel.splitVma(cpu, mm, vma, start, 'below');
    if (error !== 0) return error;
  }
  if (vmaEnd(cpu, vma) > end) {
    const error = yield* cpu.kernel.splitVma(cpu, mm, vma, end, 'above');
    if (error !== 0) return error;
  }
  return vma;
}

/** Linux: vma_merge_existing_range(): gives [start, end) of `vma` to neighbours that have `flags` already. */
export function* vmaMergeExistingRange(
  cpu: Cpu,
  mm: MmId,
  vma: VmaId,
  start: number,
  end: number,
  flags: number,
): Path<VmaId> {
  const old = vmaRange(cpu, vma);
  const part = combined(old, { start, end, flags, pgoff: old.pgoff + (start - old.start) });
  const prev = start === old.start ? mergeableBefore(cpu, mm, part) : NO_VMA;
  const next = end === old.end ? mergeableAfter(cpu, mm, part) : NO_VMA;
  const keeper = prev !== NO_VMA ? prev : next;
  if (keeper === NO_VMA) return NO_VMA;
  yield* cpu.kernel.vmaStartWrite(cpu, mm, vma);
  yield* cpu.kernel.vmaStartWrite(cpu, mm, keeper);
  const both = prev !== NO_VMA && next !== NO_VMA;
  if (both) yield* cpu.kernel.vmaStartWrite(cpu, mm, next);
  const whole = start === old.start && end === old.end;
  const rmap = rmapOf(cpu, keeper);
  const together = mergedFlags(cpu, part, keeper, next);
  yield* cpu.kernel.vmaPrepare(cpu, rmap);
  yield* vmaTreeEdit(cpu, mm, () => {
    const from = prev !== NO_VMA ? vmaRange(cpu, prev) : part;
    const to = next !== NO_VMA ? vmaEnd(cpu, next) : end;
    if (whole) treeRemove(cpu, mm, old.start, old.end);
    else if (prev !== NO_VMA) vmaStore(cpu, vma, combined(old, { start: end, pgoff: old.pgoff + (end - old.start) }));
    else vmaStore(cpu, vma, combined(old, { end: start }));
    if (both) treeRemove(cpu, mm, end, to);
    vmaStore(cpu, keeper, combined(part, { flags: together, start: from.start, pgoff: from.pgoff, end: to }));
  });
  const gone = [...(whole ? [vma] : []), ...(both ? [next] : [])];
  yield* cpu.kernel.vmaComplete(cpu, rmap, [], gone);
  for (const each of gone) yield* cpu.kernel.removeVma(cpu, each);
  return keeper;
}

/** Linux: the end of vma_complete(): a VMA that a merge took out of the tree. It is write-marked. */
export function* removeVma(cpu: Cpu, vma: VmaId): Path<void> {
  yield* cpu.kernel.vmaMarkDetached(cpu, vma);
  yield* cpu.kernel.vmAreaFree(cpu, vma);
}

/** Linux: can_vma_merge_after(): the VMA that ends where `range` starts, if they could be one. */
function mergeableBefore(cpu: Cpu, mm: MmId, range: VmaRange): VmaId {
  const prev = vmaBefore(cpu, mm, range.start);
  if (prev === NO_VMA) return NO_VMA;
  const p = vmaRange(cpu, prev);
  const fits = p.end === range.start && sameFlags(p, range) && p.object === range.object;
  return fits && p.pgoff + (p.end - p.start) === range.pgoff ? prev : NO_VMA;
}

/** Linux: can_vma_merge_before(): the VMA that starts where `range` ends, if they could be one. */
function mergeableAfter(cpu: Cpu, mm: MmId, range: VmaRange): VmaId {
  const next = vmaLookup(cpu, mm, range.end);
  if (next === NO_VMA) return NO_VMA;
  const n = vmaRange(cpu, next);
  const fits = n.start === range.end && sameFlags(n, range) && n.object === range.object;
  return fits && range.pgoff + (range.end - range.start) === n.pgoff ? next : NO_VMA;
}

function sameFlags(a: VmaRange, b: VmaRange): boolean {
  return ((a.flags ^ b.flags) & ~VM_SOFTDIRTY) === 0;
}

/** Linux: the sticky flags of vma_merge_new_range() and vma_merge_existing_range(). */
function mergedFlags(cpu: Cpu, range: VmaRange, keeper: VmaId, next: VmaId): number {
  const both = vmaRange(cpu, keeper).flags | (next === NO_VMA ? 0 : vmaRange(cpu, next).flags);
  return range.flags | (both & VM_SOFTDIRTY);
}
