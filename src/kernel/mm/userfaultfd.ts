/**
 * Linux: mm/userfaultfd.c, write protection of private anonymous memory in the mode UFFD_FEATURE_WP_ASYNC (6.7): a store to a
 * protected page is resolved by the kernel itself, which takes the mark away; pagemap tells which pages have lost it. What
 * is left out: the mode in which a monitor resolves the fault, markers at pages that are not there yet
 * (UFFD_FEATURE_WP_UNPOPULATED: without them such a page counts as written once it is mapped), files.
 */
import { pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import {
  EINVAL,
  ENOENT,
  ENOMEM,
  INIT_MM,
  MM_CP_UFFD_WP,
  MM_CP_UFFD_WP_RESOLVE,
  type MmId,
  NO_FILE,
  VM_UFFD_WP,
  type VmaId,
} from '../types.ts';
import type { VmFault } from './memory.ts';
import { leafIndex } from './pgtable.ts';
import { protHi } from './pte-prot.ts';
import { PTE_UFFD_WP } from './pte-tracking.ts';
import { vmaEnd, vmaFlags, vmaRange, vmaStart, vmaStoreFlags, vmasIn, vmaTreeEdit } from './vma-tree.ts';

export const WRITTEN = point('userfaultfdWpAsync: store to a protected page, its mark to be taken away');
export const PENDING = point('flushUffdWpPending: is a flush of write protections pending?');

/** Linux: userfaultfd_register(), UFFDIO_REGISTER_MODE_WP. 0 or a negative errno. */
export function* userfaultfdRegister(cpu: Cpu, start: Vpn, pages: number): Path<number> {
  const { kernel, geometry } = cpu;
  const mm = cpu.tasks.mm.load(cpu.current) as MmId;
  const end = start + pages;
  if (mm === INIT_MM || pages <= 0 || end > geometry.pages) return EINVAL;
  yield* kernel.mmapWriteLock(cpu, mm);
  const vmas = vmasIn(cpu, mm, start, end);
  const fits = vmas.length > 0 && vmas.every((vma) => vmaRange(cpu, vma).object === NO_FILE);
  const error = fits ? yield* kernel.userfaultfdRegisterRange(cpu, mm, start, end) : EINVAL;
  yield* kernel.mmapWriteUnlock(cpu, mm);
  return error;
}

/** Linux: userfaultfd_register_range(). Caller holds mmap_lock for writing. 0 or -ENOMEM. */
export function* userfaultfdRegisterRange(cpu: Cpu, mm: MmId, start: number, end: number): Path<number> {
  const { kernel } = cpu;
  for (let at = start; at < end; ) {
    const [vma] = vmasIn(cpu, mm, at, end);
    if (vma === undefined) return 0;
    const from = Math.max(at, vmaStart(cpu, vma));
    at = Math.min(end, vmaEnd(cpu, vma));
    const flags = vmaFlags(cpu, vma) | VM_UFFD_WP;
    if (flags === vmaFlags(cpu, vma)) continue;
    const changed = yield* kernel.vmaModify(cpu, mm, vma, from, at, flags);
    if (changed < 0) return ENOMEM;
    const target = changed as VmaId;
    yield* kernel.vmaStartWrite(cpu, mm, target);
    const kept = flags | vmaFlags(cpu, target);
    if (vmaFlags(cpu, target) !== kept) yield* vmaTreeEdit(cpu, mm, () => vmaStoreFlags(cpu, target, kept));
  }
  return 0;
}

/**
 * Linux: mwriteprotect_range(), UFFDIO_WRITEPROTECT; `protects` is UFFDIO_WRITEPROTECT_MODE_WP. mmap_lock is held for reading: faults,
 * and others that protect, run meanwhile. 0 or a negative errno; -ENOENT: what lies before is done.
 */
export function* mwriteprotectRange(cpu: Cpu, start: Vpn, pages: number, protects: boolean): Path<number> {
  const { kernel, geometry } = cpu;
  const mm = cpu.tasks.mm.load(cpu.current) as MmId;
  const end = start + pages;
  if (mm === INIT_MM || pages <= 0 || end > geometry.pages) return EINVAL;
  yield* kernel.mmapReadLock(cpu, mm);
  const vmas = vmasIn(cpu, mm, start, end);
  let error = vmas.length === 0 ? ENOENT : 0;
  for (const vma of vmas) {
    if ((vmaFlags(cpu, vma) & VM_UFFD_WP) === 0) {
      error = ENOENT;
      break;
    }
    const from = Math.max(start, vmaStart(cpu, vma));
    yield* kernel.uffdWpRange(cpu, mm, vma, from, Math.min(end, vmaEnd(cpu, vma)), protects);
  }
  yield* kernel.mmapReadUnlock(cpu, mm);
  return error;
}

/** Linux: uffd_wp_range(): entries changed, one flush at the end. Caller holds mmap_lock for reading. */
export function* uffdWpRange(
  cpu: Cpu,
  mm: MmId,
  vma: VmaId,
  start: number,
  end: number,
  protects: boolean,
): Path<void> {
  const { kernel } = cpu;
  const tlb = yield* kernel.tlbGatherMmu(cpu, mm);
  const how = protects ? MM_CP_UFFD_WP : MM_CP_UFFD_WP_RESOLVE;
  yield* kernel.changeProtection(cpu, tlb, start, end, vmaFlags(cpu, vma), how);
  yield* kernel.tlbEndVma(cpu, tlb, vma);
  yield* kernel.tlbFinishMmu(cpu, tlb);
}

/**
 * Linux: the branch of do_wp_page() for userfaultfd_wp_async(): the entry without the mark, as it is now. The mark means nothing to
 * hardware: no flush. Caller holds the PTL.
 */
export function* userfaultfdWpAsync(cpu: Cpu, vmf: VmFault, pte: Pfn): Path<PteLo> {
  if ((vmf.origPte & PTE_UFFD_WP) === 0) return vmf.origPte;
  const index = leafIndex(cpu.geometry, vmf.vpn);
  const entry = (vmf.origPte & ~PTE_UFFD_WP) as PteLo;
  if (cpu.at(WRITTEN, pteWord(cpu, pte, index))) yield;
  pteStore(cpu, pte, index, entry, protHi(vmf.vmFlags));
  return entry;
}

/**
 * Linux: do_wp_page(), commit 6ce64428d620: others may still write through their TLBs while a protection waits for its flush; the page is
 * not copied before they cannot. Caller holds the PTL: whoever sees the protection sees the count.
 */
export function* flushUffdWpPending(cpu: Cpu, vmf: VmFault): Path<void> {
  const { tlbFlushPending } = cpu.mm;
  if (cpu.at(PENDING, tlbFlushPending.at(vmf.mm))) yield;
  if (tlbFlushPending.load(vmf.mm) > 0) yield* cpu.kernel.flushTlbPage(cpu, vmf.mm, vmf.vpn);
}
