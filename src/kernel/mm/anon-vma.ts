/**
 * Linux: mm/rmap.c anon_vma: from an anonymous folio to the VMAs that may map it. Reduced: Linux gives each VMA an anon_vma at
 * its first fault, makes another one per fork, and links them by chains under one root whose rwsem is the only lock; here all
 * private mappings of an address space and of its forks are listed under the root itself, from the moment they exist. Walks
 * look at more entries and are kept off by changes of more VMAs; which folios can be found, and the lock, are the same.
 */
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type AnonVmaId, type MmId, NO_ANON_VMA, NO_FILE, VM_SHARED, type VmaId } from '../types.ts';

/** Linux: anon_vma_lock_read(). */
export function* anonVmaLockRead(cpu: Cpu, anonVma: AnonVmaId): Path<void> {
  yield* cpu.kernel.downRead(cpu, cpu.anonVma.rwsem.at(anonVma));
}
export function* anonVmaUnlockRead(cpu: Cpu, anonVma: AnonVmaId): Path<void> {
  yield* cpu.kernel.upRead(cpu, cpu.anonVma.rwsem.at(anonVma));
}

/** The anon_vma of a mapping of `mm` with these flags: none for shared ones, nor on machines without swap. */
export function anonVmaFor(cpu: Cpu, mm: MmId, vmFlags: number): AnonVmaId {
  return (vmFlags & VM_SHARED) !== 0 ? NO_ANON_VMA : (cpu.mm.anonVma.load(mm) as AnonVmaId);
}

/** Linux: unlink_anon_vmas(): the VMA maps nothing any more and its tables are about to go. */
export function* unlinkAnonVmas(cpu: Cpu, vma: VmaId): Path<void> {
  const anonVma = cpu.vma.anonVma.load(vma) as AnonVmaId;
  if (anonVma === NO_ANON_VMA) return;
  const locks = { file: NO_FILE, anonVma };
  yield* cpu.kernel.vmaPrepare(cpu, locks);
  yield* cpu.kernel.vmaComplete(cpu, locks, [], [vma]);
}
