/** Linux: kernel/fork.c dup_mm(), mm_init(), and mm/mmap.c dup_mmap(): a child gets a copy of the address space. */
import type { Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { OWNER_TABLE } from '../observer.ts';
import { ENOMEM, type MmId, VM_PFNMAP, VM_SHARED, VM_UFFD_WP } from '../types.ts';
import { NO_PAGE } from './page-alloc.ts';
import { SLAB_MM, slabTake } from './slab.ts';
import { NO_VMA, vmaAt, vmaRange } from './vma-tree.ts';

export const NO_MM = 0 as MmId;

export const MM_PREPARED = point('mmInit: root table prepared, counts to be set');
export const MM_COUNTED = point('mmInit: users set, references to be set');
export const MASK_STALE = point('mmInit: cpumask of the former mm to be cleared');
export const GEN_STALE = point('mmInit: generation of the former mm to be reset');
export const BATCHED_STALE = point('mmInit: batched unmaps of the former mm to be forgotten');

/**
 * Linux: mm_alloc() and mm_init(): an empty address space with one user, of the family of `parent`; NO_MM when out of memory.
 * Nobody else knows it yet.
 */
export function* mmAlloc(cpu: Cpu, parent: MmId): Path<MmId> {
  const { mm: m, kernel, geometry } = cpu;
  const lock = cpu.slab.lock.at(SLAB_MM);
  yield* kernel.spinLock(cpu, lock);
  const mm = slabTake(cpu, SLAB_MM) as MmId;
  const ctxId = cpu.slab.serial.load(SLAB_MM);
  yield* kernel.spinUnlock(cpu, lock);
  if (mm === NO_MM) return NO_MM;
  const pgd = yield* kernel.allocPage(cpu, OWNER_TABLE);
  if (pgd === NO_PAGE) {
    yield* kernel.kmemCacheFree(cpu, SLAB_MM, mm);
    return NO_MM;
  }
  yield* kernel.clearTable(cpu, pgd, 1 << geometry.levelBits[0]);
  m.pgd.store(mm, pgd);
  m.ctxId.store(mm, ctxId);
  m.anonVma.store(mm, m.anonVma.load(parent));
  if (cpu.at(MM_PREPARED, m.users.at(mm))) yield;
  m.users.store(mm, 1);
  if (cpu.at(MM_COUNTED, m.count.at(mm))) yield;
  m.count.store(mm, 1);
  for (let k = 0; k < geometry.maskWords; k++) {
    if (cpu.at(MASK_STALE, m.cpumask.at(mm, k))) yield;
    m.cpumask.store(mm, 0, k);
  }
  if (cpu.at(GEN_STALE, m.tlbGen.at(mm))) yield;
  m.tlbGen.store(mm, 0);
  if (cpu.at(BATCHED_STALE, m.tlbFlushBatched.at(mm))) yield;
  m.tlbFlushBatched.store(mm, 0);
  cpu.observer?.tableLinked(cpu, mm, pgd, 0, 0 as Vpn);
  return mm;
}

/** Linux: dup_mm(): NO_MM when out of memory; nothing of the child is left then. */
export function* dupMm(cpu: Cpu, parent: MmId): Path<MmId> {
  const child = yield* cpu.kernel.mmAlloc(cpu, parent);
  if (child === NO_MM) return NO_MM;
  const error = yield* cpu.kernel.dupMmap(cpu, child, parent);
  if (error === 0) return child;
  yield* cpu.kernel.mmput(cpu, child);
  return NO_MM;
}

/**
 * Linux: dup_mmap(). The parent's entries become read-only while mmap_lock is held for writing and every VMA is marked;
 * one flush of the whole mm comes before the lock is dropped, so no thread of the parent can fault in between.
 */
export function* dupMmap(cpu: Cpu, child: MmId, parent: MmId): Path<number> {
  const { kernel, mm } = cpu;
  yield* kernel.mmapWriteLock(cpu, parent);
  yield* kernel.mmapWriteLock(cpu, child);
  mm.totalVm.store(child, mm.totalVm.load(parent));
  let error = 0;
  for (let i = 0; error === 0; i++) {
    const vma = vmaAt(cpu, parent, i);
    if (vma === NO_VMA) break;
    yield* kernel.vmaStartWrite(cpu, parent, vma);
    const range = vmaRange(cpu, vma);
    // dup_userfaultfd()
    range.flags &= ~VM_UFFD_WP;
    const copy = yield* kernel.vmaLink(cpu, child, range);
    if (copy === NO_VMA) error = ENOMEM;
    // vma_needs_copy(): what a shared mapping maps, faults will find again; raw entries they might not
    else if ((range.flags & VM_SHARED) === 0 || (range.flags & VM_PFNMAP) !== 0) {
      error = yield* kernel.copyPageRange(cpu, child, parent, range.start, range.end);
    }
  }
  yield* kernel.mmapWriteUnlock(cpu, child);
  yield* kernel.flushTlbMm(cpu, parent);
  yield* kernel.mmapWriteUnlock(cpu, parent);
  return error;
}
