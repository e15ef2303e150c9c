/**
 * Linux: mm/interval_tree.c and the i_mmap parts of mm/vma.c: the VMAs of a file, found from the file. The list is in order
 * of the first page mapped, equal ones in order of arrival, as the interval tree is walked.
 */
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type FileId, type MmId, NO_FILE, type VmaId } from '../types.ts';
import { vmaEnd, vmaStart } from './vma-tree.ts';

export const VMA_LISTED = point('vmaIntervalTreeForeach: vma of the file found, whose is it?');

/** A part of a VMA that maps pages of a file. Valid while i_mmap_rwsem is held. */
export interface RmapPlace {
  readonly vma: VmaId;
  readonly mm: MmId;
  readonly start: number;
  readonly end: number;
}

/** Linux: i_mmap_lock_read(). */
export function* iMmapLockRead(cpu: Cpu, file: FileId): Path<void> {
  yield* cpu.kernel.downRead(cpu, cpu.inode.iMmapRwsem.at(file));
}
export function* iMmapUnlockRead(cpu: Cpu, file: FileId): Path<void> {
  yield* cpu.kernel.upRead(cpu, cpu.inode.iMmapRwsem.at(file));
}

/** Linux: vma_prepare(): before VMAs of `file` change their place; nothing to do for anonymous memory (NO_FILE). */
export function* vmaPrepare(cpu: Cpu, file: FileId): Path<void> {
  if (file !== NO_FILE) yield* cpu.kernel.downWrite(cpu, cpu.inode.iMmapRwsem.at(file));
}

/** Linux: vma_complete(): the VMAs of `file` have their new places; `added` are new, `removed` gone. */
export function* vmaComplete(cpu: Cpu, file: FileId, added: readonly VmaId[], removed: readonly VmaId[]): Path<void> {
  if (file === NO_FILE) return;
  const kept = [...listed(cpu, file).filter((vma) => !removed.includes(vma)), ...added];
  const { pgoff } = cpu.vma;
  kept.sort((a, b) => (pgoff.load(a) >>> 0) - (pgoff.load(b) >>> 0));
  const { iMmap, nrMmap } = cpu.inode;
  const former = nrMmap.load(file);
  kept.forEach((vma, i) => {
    iMmap.store(file, vma, i);
  });
  for (let i = kept.length; i < former; i++) iMmap.store(file, 0, i);
  nrMmap.store(file, kept.length);
  yield* cpu.kernel.upWrite(cpu, cpu.inode.iMmapRwsem.at(file));
}

/** Linux: unlink_file_vma(): the VMA maps nothing any more and its tables are about to go. */
export function* unlinkFileVma(cpu: Cpu, vma: VmaId): Path<void> {
  const file = cpu.vma.object.load(vma) as FileId;
  yield* cpu.kernel.vmaPrepare(cpu, file);
  yield* cpu.kernel.vmaComplete(cpu, file, [], [vma]);
}

/** Linux: vma_interval_tree_foreach(): where pages [first, end) of the file are mapped. Caller holds i_mmap_rwsem. */
export function* vmaIntervalTreeForeach(cpu: Cpu, file: FileId, first: number, end: number): Path<RmapPlace[]> {
  const places: RmapPlace[] = [];
  for (const vma of listed(cpu, file)) {
    const start = vmaStart(cpu, vma);
    const pgoff = cpu.vma.pgoff.load(vma) >>> 0;
    const from = Math.max(start, start + first - pgoff);
    const to = Math.min(vmaEnd(cpu, vma), start + end - pgoff);
    if (from >= to) continue;
    if (cpu.at(VMA_LISTED, cpu.vma.mm.at(vma))) yield;
    places.push({ vma, mm: cpu.vma.mm.load(vma) as MmId, start: from, end: to });
  }
  return places;
}

function listed(cpu: Cpu, file: FileId): VmaId[] {
  const { iMmap, nrMmap } = cpu.inode;
  return Array.from({ length: nrMmap.load(file) }, (_, i) => iMmap.load(file, i) as VmaId);
}
