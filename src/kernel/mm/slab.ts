/**
 * Linux: mm/slub.c kmem_cache_alloc() and kmem_cache_free() for the objects this kernel creates: mm_struct, vm_area_struct,
 * inodes of nameless files. Rows of VMAs are reused at once and keep their type (SLAB_TYPESAFE_BY_RCU): a lockless reader that
 * still names a freed row must check what it finds there.
 */
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';

export const SLAB_MM = 0;
export const SLAB_VMA = 1;
/** Behind the files that have names. */
export const SLAB_INODE = 2;

/** A free row of the cache, or 0 if all are in use. */
export function* kmemCacheAlloc(cpu: Cpu, cache: number): Path<number> {
  const lock = cpu.slab.lock.at(cache);
  yield* cpu.kernel.spinLock(cpu, lock);
  const row = slabTake(cpu, cache);
  yield* cpu.kernel.spinUnlock(cpu, lock);
  return row;
}

export function* kmemCacheFree(cpu: Cpu, cache: number, row: number): Path<void> {
  const { slab } = cpu;
  const lock = slab.lock.at(cache);
  yield* cpu.kernel.spinLock(cpu, lock);
  const n = slab.nrFree.load(cache);
  slab.free.store(cache, row, n);
  slab.nrFree.store(cache, n + 1);
  yield* cpu.kernel.spinUnlock(cpu, lock);
}

/** Takes a row and raises the cache's serial. Caller holds the cache's lock. */
export function slabTake(cpu: Cpu, cache: number): number {
  const { slab, geometry } = cpu;
  const n = slab.nrFree.load(cache);
  let row: number;
  if (n > 0) {
    row = slab.free.load(cache, n - 1);
    slab.nrFree.store(cache, n - 1);
  } else {
    row = slab.used.load(cache) + 1;
    if (row > [geometry.mms, geometry.vmas - 1, geometry.files][cache]) return 0;
    slab.used.store(cache, row);
  }
  slab.serial.store(cache, slab.serial.load(cache) + 1);
  return row;
}
