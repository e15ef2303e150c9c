/** Linux: mm/madvise.c, and MADV_DONTNEED: the pages go, the mapping stays. Runs under the per-VMA lock where one VMA is enough. */
import type { Vpn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import {
  EINVAL,
  ENOMEM,
  MADV_COLD,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_PAGEOUT,
  type MmId,
  VM_PFNMAP,
  type VmaId,
} from '../types.ts';
import type { MmuGather } from './mmu-gather.ts';
import { NO_VMA, vmaEnd, vmaFlags, vmaStart, vmasIn } from './vma-tree.ts';
import { ZAP_DONTNEED, zapOf } from './zap.ts';

const ADVICE: readonly number[] = [MADV_DONTNEED, MADV_FREE, MADV_COLD, MADV_PAGEOUT];

/**
 * Linux: do_madvise(). 0 or a negative errno; -ENOMEM says that part of the range was not mapped: the rest is done. Under
 * the per-VMA lock the flush comes after that lock is dropped (6.17): until then tlb_flush_pending warns the others.
 */
export function* doMadvise(cpu: Cpu, mm: MmId, start: Vpn, pages: number, advice: number): Path<number> {
  if (!ADVICE.includes(advice) || pages < 0) return EINVAL;
  if (pages === 0) return 0;
  const end = Math.min(start + pages, cpu.geometry.pages);
  if (advice === MADV_FREE) return yield* cpu.kernel.madviseFree(cpu, mm, start, end);
  if (advice !== MADV_DONTNEED) return yield* cpu.kernel.madvisePageout(cpu, mm, start, end, advice);
  const tlb = yield* cpu.kernel.tlbGatherMmu(cpu, mm);
  const done = cpu.switches.perVmaLocks && (yield* cpu.kernel.madviseUnderVmaLock(cpu, tlb, start, end));
  let hole = end < start + pages;
  if (!done) {
    yield* cpu.kernel.mmapReadLock(cpu, mm);
    if (yield* cpu.kernel.madviseWalkVmas(cpu, tlb, start, end)) hole = true;
  }
  yield* cpu.kernel.tlbFinishMmu(cpu, tlb);
  if (!done) yield* cpu.kernel.mmapReadUnlock(cpu, mm);
  return hole ? ENOMEM : 0;
}

/** Linux: try_vma_read_lock() and what follows: false if a writer has the VMA or the range needs more than one. */
export function* madviseUnderVmaLock(cpu: Cpu, tlb: MmuGather, start: Vpn, end: number): Path<boolean> {
  const vma = yield* cpu.kernel.lockVmaUnderRcu(cpu, tlb.mm, start);
  if (vma === NO_VMA) return false;
  const fits = end <= vmaEnd(cpu, vma);
  if (fits) yield* cpu.kernel.zapPageRangeSingleBatched(cpu, tlb, vma, start, end);
  yield* cpu.kernel.vmaEndRead(cpu, vma);
  return fits;
}

/** Linux: madvise_walk_vmas(): whether the range has holes. Caller holds mmap_lock for reading. */
export function* madviseWalkVmas(cpu: Cpu, tlb: MmuGather, start: number, end: number): Path<boolean> {
  let at = start;
  let hole = false;
  for (const vma of vmasIn(cpu, tlb.mm, start, end)) {
    const from = Math.max(start, vmaStart(cpu, vma));
    const to = Math.min(end, vmaEnd(cpu, vma));
    if (from > at) hole = true;
    yield* cpu.kernel.zapPageRangeSingleBatched(cpu, tlb, vma, from, to);
    at = to;
  }
  return hole || at < end;
}

/**
 * Linux: madvise_dontneed_single_vma() and zap_page_range_single_batched(). Caller holds the VMA or mmap_lock for reading. Raw mappings
 * are passed over; Linux ends at the first one, with -EINVAL.
 */
export function* zapPageRangeSingleBatched(
  cpu: Cpu,
  tlb: MmuGather,
  vma: VmaId,
  start: number,
  end: number,
): Path<void> {
  if ((vmaFlags(cpu, vma) & VM_PFNMAP) !== 0) return;
  yield* cpu.kernel.unmapPageRange(cpu, tlb, { vma, start, end }, zapOf(ZAP_DONTNEED, cpu.vma.object.load(vma)));
}
