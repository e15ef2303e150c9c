/**
 * Linux: mm/interval_tree.c and the rmap parts of mm/vma.c: the VMAs of a file, found from the file (i_mmap), and those of
 * private memory, found from the anon_vma. Each list is in order of the first page mapped, equal ones in order of arrival, as
 * the interval trees are walked.
 */
import { type Path, point } from '../../memory/point.ts';
import type { Column } from '../../memory/table.ts';
import type { Cpu } from '../cpu.ts';
import { type AnonVmaId, type FileId, type MmId, NO_ANON_VMA, NO_FILE, type VmaId } from '../types.ts';
import { vmaEnd, vmaStart } from './vma-tree.ts';

export const VMA_LISTED = point('vmaIntervalTreeForeach: vma of the file found, whose is it?');

/** A part of a VMA that maps pages of a file. Valid while i_mmap_rwsem, or the rwsem of the anon_vma, is held. */
export interface RmapPlace {
  readonly vma: VmaId;
  readonly mm: MmId;
  readonly start: number;
  readonly end: number;
}

/** Linux: struct vma_prepare: from where the VMAs that change can be found. */
export interface VmaPrepare {
  readonly file: FileId;
  readonly anonVma: AnonVmaId;
}
export const NO_RMAP: VmaPrepare = { file: NO_FILE, anonVma: NO_ANON_VMA };

/** An interval tree: `nr` VMAs in a row of `vmas`. */
export interface IntervalTree {
  readonly nr: Column<number>;
  readonly vmas: Column<number>;
  readonly row: number;
}
export function iMmapOf(cpu: Cpu, file: FileId): IntervalTree {
  return { nr: cpu.inode.nrMmap, vmas: cpu.inode.iMmap, row: file };
}
export function rbRootOf(cpu: Cpu, anonVma: AnonVmaId): IntervalTree {
  return { nr: cpu.anonVma.nrVmas, vmas: cpu.anonVma.vmas, row: anonVma };
}

/** Linux: i_mmap_lock_read(). */
export function* iMmapLockRead(cpu: Cpu, file: FileId): Path<void> {
  yield* cpu.kernel.downRead(cpu, cpu.inode.iMmapRwsem.at(file));
}
export function* iMmapUnlockRead(cpu: Cpu, file: FileId): Path<void> {
  yield* cpu.kernel.upRead(cpu, cpu.inode.iMmapRwsem.at(file));
}

/** Where a VMA is listed. */
export function rmapOf(cpu: Cpu, vma: VmaId): VmaPrepare {
  return { file: cpu.vma.object.load(vma) as FileId, anonVma: cpu.vma.anonVma.load(vma) as AnonVmaId };
}

/** Linux: vma_prepare(), take_rmap_locks(): before VMAs listed there change their place. */
export function* vmaPrepare(cpu: Cpu, { file, anonVma }: VmaPrepare): Path<void> {
  if (file !== NO_FILE) yield* cpu.kernel.downWrite(cpu, cpu.inode.iMmapRwsem.at(file));
  if (anonVma !== NO_ANON_VMA) yield* cpu.kernel.downWrite(cpu, cpu.anonVma.rwsem.at(anonVma));
}

/** Linux: vma_complete(), drop_rmap_locks(): the VMAs have their new places; `added` are new, `removed` gone. */
export function* vmaComplete(
  cpu: Cpu,
  { file, anonVma }: VmaPrepare,
  added: readonly VmaId[],
  removed: readonly VmaId[],
): Path<void> {
  if (anonVma !== NO_ANON_VMA) {
    relist(cpu, rbRootOf(cpu, anonVma), added, removed);
    yield* cpu.kernel.upWrite(cpu, cpu.anonVma.rwsem.at(anonVma));
  }
  if (file !== NO_FILE) {
    relist(cpu, iMmapOf(cpu, file), added, removed);
    yield* cpu.kernel.upWrite(cpu, cpu.inode.iMmapRwsem.at(file));
  }
}

/** Linux: unlink_file_vma(): the VMA maps nothing any more and its tables are about to go. */
export function* unlinkFileVma(cpu: Cpu, vma: VmaId): Path<void> {
  const locks = { file: cpu.vma.object.load(vma) as FileId, anonVma: NO_ANON_VMA };
  yield* cpu.kernel.vmaPrepare(cpu, locks);
  yield* cpu.kernel.vmaComplete(cpu, locks, [], [vma]);
}

/** Linux: vma_interval_tree_foreach(): where pages [first, end) are mapped. Caller holds the rwsem of the tree. */
export function* vmaIntervalTreeForeach(cpu: Cpu, tree: IntervalTree, first: number, end: number): Path<RmapPlace[]> {
  const places: RmapPlace[] = [];
  for (const vma of listed(tree)) {
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

function listed({ nr, vmas, row }: IntervalTree): VmaId[] {
  return Array.from({ length: nr.load(row) }, (_, i) => vmas.load(row, i) as VmaId);
}

/** Caller holds the rwsem of the tree for writing. */
function relist(cpu: Cpu, tree: IntervalTree, added: readonly VmaId[], removed: readonly VmaId[]): void {
  const { nr, vmas, row } = tree;
  const { pgoff } = cpu.vma;
  const kept = [...listed(tree).filter((vma) => !removed.includes(vma)), ...added];
  kept.sort((a, b) => (pgoff.load(a) >>> 0) - (pgoff.load(b) >>> 0));
  const former = nr.load(row);
  kept.forEach((vma, i) => {
    vmas.store(row, vma, i);
  });
  for (let i = kept.length; i < former; i++) vmas.store(row, 0, i);
  nr.store(row, kept.length);
}
