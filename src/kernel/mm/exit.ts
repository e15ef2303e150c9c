/** Linux: kernel/fork.c mmput(), mmdrop(), and mm/mmap.c exit_mmap(): an address space ends with its last user. */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { INIT_MM, type MmId } from '../types.ts';
import { SLAB_MM } from './slab.ts';
import { treeRemove, vmaEnd, vmaStart, vmasIn, vmaTreeEdit } from './vma-tree.ts';

export const USER_LEAVES = point('mmput: one user less');
export const REFERENCE_GOES = point('mmdrop: one reference less');

/** Linux: mmput(): drops a user; the last one takes everything down and drops the users' common reference. May sleep. */
export function* mmput(cpu: Cpu, mm: MmId): Path<void> {
  const { users } = cpu.mm;
  if (cpu.at(USER_LEAVES, users.at(mm))) yield;
  const former = users.add(mm, -1);
  if (former <= 0) cpu.bug(`mm ${mm} put with mm_users ${former}`);
  if (former > 1) return;
  yield* cpu.kernel.exitMmap(cpu, mm);
  yield* cpu.kernel.mmdrop(cpu, mm);
}

/**
 * Linux: exit_mmap(): unmaps under mmap_lock for reading, frees tables and VMAs under it for writing; one gather over all.
 * No user is left, but CPUs that borrow the tables (lazy TLB) may still walk them.
 */
export function* exitMmap(cpu: Cpu, mm: MmId): Path<void> {
  const { kernel, geometry } = cpu;
  yield* kernel.mmapReadLock(cpu, mm);
  const vmas = vmasIn(cpu, mm, 0, geometry.pages);
  if (vmas.length === 0) {
    yield* kernel.mmapReadUnlock(cpu, mm);
    return;
  }
  const ranges = vmas.map((vma) => ({ vma, start: vmaStart(cpu, vma), end: vmaEnd(cpu, vma) }));
  const tlb = yield* kernel.tlbGatherMmuFullmm(cpu, mm);
  yield* kernel.unmapVmas(cpu, tlb, ranges);
  yield* kernel.mmapReadUnlock(cpu, mm);
  yield* kernel.mmapWriteLock(cpu, mm);
  yield* kernel.freePgtables(cpu, tlb, ranges, 0, geometry.pages);
  yield* kernel.tlbFinishMmu(cpu, tlb);
  yield* vmaTreeEdit(cpu, mm, () => treeRemove(cpu, mm, 0, geometry.pages));
  cpu.mm.totalVm.store(mm, 0);
  for (const vma of vmas) {
    yield* kernel.vmaMarkDetached(cpu, vma);
    yield* kernel.vmAreaFree(cpu, vma);
  }
  yield* kernel.mmapWriteUnlock(cpu, mm);
}

/** Linux: mmdrop(): drops a reference on the struct and its root table; the last one (a lazy CPU's, perhaps) frees them. */
export function* mmdrop(cpu: Cpu, mm: MmId): Path<void> {
  if (mm === INIT_MM) return;
  const { count } = cpu.mm;
  if (cpu.at(REFERENCE_GOES, count.at(mm))) yield;
  const former = count.add(mm, -1);
  if (former <= 0) cpu.bug(`mm ${mm} dropped with mm_count ${former}`);
  if (former === 1) yield* cpu.kernel.mmFree(cpu, mm);
}

/** Linux: __mmdrop(). No CPU has the root table loaded any more. */
export function* mmFree(cpu: Cpu, mm: MmId): Path<void> {
  const { pgd, ctxId } = cpu.mm;
  const root = pgd.load(mm) as Pfn;
  pgd.store(mm, 0);
  ctxId.store(mm, 0);
  cpu.mm.anonVma.store(mm, 0);
  cpu.observer?.tableUnlinked(cpu, mm, root);
  yield* cpu.kernel.freePage(cpu, root);
  yield* cpu.kernel.kmemCacheFree(cpu, SLAB_MM, mm);
}
