/**
 * Stands for mm->mm_mt, the maple tree (lib/maple_tree.c): rows of VMAs in ascending order of address, and the look-ups on
 * it. All plain functions over guarded words: the caller holds mmap_lock, or treeSeq shared for this one step; the edits
 * need a write section (`vmaTreeEdit`), the changed VMAs write-marked.
 */
import type { Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { preemptDisable, preemptEnable } from '../locking/preempt.ts';
import type { FileId, MmId, VmaId } from '../types.ts';

export const NO_VMA = 0 as VmaId;

export const TREE_CHANGES = point('vmaTree: about to change');
export const TREE_CHANGED = point('vmaTree: changed, lockless look-ups still held off');

/** What a VMA says; a plain copy. `object` is the mapped file, 0 for anonymous memory. */
export interface VmaRange {
  start: number;
  end: number;
  flags: number;
  pgoff: number;
  object: FileId;
}

export function vmaStart(cpu: Cpu, vma: VmaId): number {
  return cpu.vma.start.load(vma) >>> 0;
}
/** First page after; 2^32 when the mapping ends at the top of the largest address space. */
export function vmaEnd(cpu: Cpu, vma: VmaId): number {
  return cpu.vma.end.load(vma) >>> 0 || 2 ** 32;
}
export function vmaFlags(cpu: Cpu, vma: VmaId): number {
  return cpu.vma.flags.load(vma);
}
export function vmaRange(cpu: Cpu, vma: VmaId): VmaRange {
  return {
    start: vmaStart(cpu, vma),
    end: vmaEnd(cpu, vma),
    flags: cpu.vma.flags.load(vma),
    pgoff: cpu.vma.pgoff.load(vma) >>> 0,
    object: cpu.vma.object.load(vma) as FileId,
  };
}

/** Position of the first VMA that ends after `vpn`; the count of VMAs if there is none. */
export function treeFind(cpu: Cpu, mm: MmId, vpn: number): number {
  let low = 0;
  let high = Math.min(cpu.mm.mapCount.load(mm), cpu.geometry.vmas);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (vmaEnd(cpu, vmaAt(cpu, mm, middle)) > vpn) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The VMA at a position, NO_VMA outside the tree. */
export function vmaAt(cpu: Cpu, mm: MmId, position: number): VmaId {
  if (position < 0 || position >= cpu.mm.mapCount.load(mm)) return NO_VMA;
  return cpu.mm.vmaTree.load(mm, position) as VmaId;
}

/** Linux: find_vma(): the first VMA that ends after `vpn`. */
export function findVma(cpu: Cpu, mm: MmId, vpn: number): VmaId {
  return vmaAt(cpu, mm, treeFind(cpu, mm, vpn));
}
/** Linux: vma_lookup(): the VMA around `vpn`. */
export function vmaLookup(cpu: Cpu, mm: MmId, vpn: number): VmaId {
  const vma = findVma(cpu, mm, vpn);
  return vma !== NO_VMA && vmaStart(cpu, vma) <= vpn ? vma : NO_VMA;
}
/** Linux: find_vma_prev(): the VMA before the first one that ends after `vpn`. */
export function vmaBefore(cpu: Cpu, mm: MmId, vpn: number): VmaId {
  return vmaAt(cpu, mm, treeFind(cpu, mm, vpn) - 1);
}
/** Linux: for_each_vma_range(): the VMAs that overlap [start, end), lowest first. */
export function vmasIn(cpu: Cpu, mm: MmId, start: number, end: number): VmaId[] {
  const found: VmaId[] = [];
  for (let i = treeFind(cpu, mm, start); ; i++) {
    const vma = vmaAt(cpu, mm, i);
    if (vma === NO_VMA || vmaStart(cpu, vma) >= end) return found;
    found.push(vma);
  }
}

/**
 * Runs `edit` in a write section: treeSeq is odd meanwhile. Caller holds mmap_lock for writing. Linux publishes new tree
 * nodes instead, so that lockless look-ups never wait; here they wait for the two steps of the section.
 */
export function* vmaTreeEdit(cpu: Cpu, mm: MmId, edit: () => void): Path<void> {
  const { treeSeq } = cpu.mm;
  const word = treeSeq.at(mm);
  preemptDisable(cpu);
  if (cpu.at(TREE_CHANGES, word)) yield;
  treeSeq.add(mm, 1);
  cpu.mem.acquired(word, true);
  edit();
  cpu.mem.released(word);
  if (cpu.at(TREE_CHANGED, word)) yield;
  treeSeq.add(mm, 1);
  yield* preemptEnable(cpu);
}

/** Puts a VMA with these contents at its place in the tree. Inside an edit. */
export function treeInsert(cpu: Cpu, mm: MmId, vma: VmaId, range: VmaRange): void {
  const { mapCount, vmaTree } = cpu.mm;
  const n = mapCount.load(mm);
  const at = treeFind(cpu, mm, range.start);
  for (let i = n; i > at; i--) vmaTree.store(mm, vmaTree.load(mm, i - 1), i);
  vmaTree.store(mm, vma, at);
  mapCount.store(mm, n + 1);
  vmaStore(cpu, vma, range);
}

/** Takes the VMAs of [start, end) out of the tree; none may reach beyond. Inside an edit. */
export function treeRemove(cpu: Cpu, mm: MmId, start: number, end: number): void {
  const { mapCount, vmaTree } = cpu.mm;
  const n = mapCount.load(mm);
  const from = treeFind(cpu, mm, start);
  let to = from;
  while (to < n && vmaStart(cpu, vmaAt(cpu, mm, to)) < end) to++;
  for (let i = to; i < n; i++) vmaTree.store(mm, vmaTree.load(mm, i), i - (to - from));
  for (let i = n - (to - from); i < n; i++) vmaTree.store(mm, 0, i);
  mapCount.store(mm, n - (to - from));
}

/** Rewrites the rights of a VMA. Inside an edit. */
export function vmaStoreFlags(cpu: Cpu, vma: VmaId, flags: number): void {
  const { vma: v, mem } = cpu;
  const mark = v.vmRefcnt.at(vma);
  mem.acquired(mark, true);
  v.flags.store(vma, flags);
  mem.released(mark);
}

/**
 * Rewrites a VMA in place; its neighbours stay its neighbours. Inside an edit, between vmaPrepare and vmaComplete of where it
 * is listed. What it maps never changes.
 */
export function vmaStore(cpu: Cpu, vma: VmaId, range: VmaRange): void {
  const { vma: v, mem } = cpu;
  const mark = v.vmRefcnt.at(vma);
  mem.acquired(mark, true);
  v.start.store(vma, range.start | 0);
  v.end.store(vma, range.end | 0);
  v.flags.store(vma, range.flags);
  v.pgoff.store(vma, range.pgoff | 0);
  mem.released(mark);
}

/** Linux: the loop of vm_unmapped_area() with VM_UNMAPPED_AREA_TOPDOWN: the highest hole of `pages`; -1 if there is none. */
export function unmappedAreaTopdown(cpu: Cpu, mm: MmId, pages: number): number {
  let top = cpu.geometry.pages;
  for (let i = cpu.mm.mapCount.load(mm) - 1; i >= 0; i--) {
    const vma = vmaAt(cpu, mm, i);
    if (top - vmaEnd(cpu, vma) >= pages) return top - pages;
    top = vmaStart(cpu, vma);
  }
  // page 0 is only mapped on request (mmap_min_addr)
  return top - 1 >= pages ? top - pages : -1;
}

/** Linux: get_unmapped_area() for a mapping that is not fixed: the hint if it is free, else the highest hole; or -1. */
export function getUnmappedArea(cpu: Cpu, mm: MmId, hint: Vpn, pages: number): number {
  if (hint !== 0 && hint + pages <= cpu.geometry.pages) {
    const next = findVma(cpu, mm, hint);
    if (next === NO_VMA || vmaStart(cpu, next) >= hint + pages) return hint;
  }
  return unmappedAreaTopdown(cpu, mm, pages);
}
