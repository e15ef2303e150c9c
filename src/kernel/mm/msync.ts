/**
 * Linux: mm/msync.c, MS_SYNC: what the shared mappings of a range show of their files is written back and awaited. Each mapping
 * is looked up under mmap_lock, which is dropped while its file is written; what follows may have changed meanwhile.
 */
import type { Vpn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { EINVAL, ENOMEM, type MmId, NO_FILE, VM_PFNMAP, VM_SHARED } from '../types.ts';
import { findVma, NO_VMA, vmaEnd, vmaFlags, vmaRange, vmaStart } from './vma-tree.ts';

/** 0 or a negative errno; -ENOMEM says that part of the range was not mapped: the rest is done. */
export function* doMsync(cpu: Cpu, mm: MmId, from: Vpn, pages: number): Path<number> {
  if (pages < 0) return EINVAL;
  if (pages === 0) return 0;
  const { kernel, geometry } = cpu;
  const end = Math.min(from + pages, geometry.pages);
  let hole = end < from + pages;
  yield* kernel.mmapReadLock(cpu, mm);
  for (let at: number = from; at < end; ) {
    const vma = findVma(cpu, mm, at);
    if (vma === NO_VMA || vmaStart(cpu, vma) > at) hole = true;
    if (vma === NO_VMA || vmaStart(cpu, vma) >= end) break;
    const { start, end: vmaStop, pgoff, object } = vmaRange(cpu, vma);
    const first = pgoff + Math.max(at, start) - start;
    const last = pgoff + Math.min(end, vmaStop) - start;
    const shared = object !== NO_FILE && (vmaFlags(cpu, vma) & VM_SHARED) !== 0;
    at = vmaEnd(cpu, vma);
    if (!shared) continue;
    const raw = (vmaFlags(cpu, vma) & VM_PFNMAP) !== 0;
    yield* kernel.mmapReadUnlock(cpu, mm);
    // the driver has no fsync
    if (raw) return EINVAL;
    yield* kernel.vfsFsyncRange(cpu, object, first, last);
    // Linux does not take the lock again for nothing
    if (at >= end) return hole ? ENOMEM : 0;
    yield* kernel.mmapReadLock(cpu, mm);
  }
  yield* kernel.mmapReadUnlock(cpu, mm);
  return hole ? ENOMEM : 0;
}
