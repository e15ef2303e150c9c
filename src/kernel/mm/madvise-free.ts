/**
 * Linux: mm/madvise.c madvise_free_single_vma(): MADV_FREE over a range, anonymous mappings only. The entries are in
 * lazyfree.ts.
 */
import type { Vpn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { EINVAL, ENOMEM, type MmId, NO_FILE } from '../types.ts';
import type { MmuGather } from './mmu-gather.ts';
import { NO_PAGE } from './page-alloc.ts';
import { pmdAddrEnd, tableWalk } from './pgtable.ts';
import { vmaEnd, vmaStart, vmasIn } from './vma-tree.ts';

/** 0 or a negative errno: -EINVAL at the first mapping of a file, what came before is done; -ENOMEM at a hole, the rest is done. */
export function* madviseFree(cpu: Cpu, mm: MmId, start: number, end: number): Path<number> {
  const { kernel } = cpu;
  yield* kernel.mmapReadLock(cpu, mm);
  let at = start;
  let error = 0;
  for (const vma of vmasIn(cpu, mm, start, end)) {
    if (cpu.vma.object.load(vma) !== NO_FILE) {
      error = EINVAL;
      break;
    }
    const from = Math.max(start, vmaStart(cpu, vma));
    const to = Math.min(end, vmaEnd(cpu, vma));
    if (from > at) error = ENOMEM;
    const tlb = yield* kernel.tlbGatherMmu(cpu, mm);
    yield* kernel.madviseFreeRange(cpu, tlb, from, to);
    yield* kernel.tlbFinishMmu(cpu, tlb);
    at = to;
  }
  yield* kernel.mmapReadUnlock(cpu, mm);
  return error === 0 && at < end ? ENOMEM : error;
}

/** Linux: madvise_free_pte_range(), table by table, in stretches of `pteWalkLimit` entries per hold of the PTL. */
export function* madviseFreeRange(cpu: Cpu, tlb: MmuGather, start: number, end: number): Path<void> {
  const { kernel, geometry } = cpu;
  const walk = tableWalk(cpu, tlb.mm);
  for (let at = start; at < end; ) {
    const pmd = yield* kernel.walkToPmd(cpu, walk, at as Vpn);
    if (pmd === NO_PAGE) {
      at = walk.holeEnd;
      continue;
    }
    const stop = Math.min(pmdAddrEnd(geometry, at, end), at + geometry.pteWalkLimit);
    const pte = yield* kernel.pteOffsetMapLock(cpu, pmd, at as Vpn);
    if (pte !== NO_PAGE) {
      yield* kernel.flushTlbBatchedPending(cpu, tlb.mm);
      for (; at < stop; at++) yield* kernel.madviseFreePte(cpu, tlb, pte, at as Vpn);
      yield* kernel.pteUnmapUnlock(cpu, pte);
    }
    at = stop;
  }
}
