/**
 * Linux: mm/page_alloc.c __alloc_pages_slowpath() and mm/vmscan.c do_try_to_free_pages(): the task that finds no free frame
 * reclaims some itself. Linux takes folios off the end of the inactive list; here the page caches are gone through in order.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { FileId } from '../types.ts';
import { NO_PAGE } from './page-alloc.ts';

export const CACHE_CHECK = point('directReclaim: no free frame, has the file pages in the cache?');

/** A frame after reclaim, or NO_PAGE if nothing could be reclaimed. Caller may sleep and holds no spinlock. */
export function* allocPagesSlowpath(cpu: Cpu): Path<Pfn> {
  for (;;) {
    if ((yield* cpu.kernel.directReclaim(cpu)) === 0) return NO_PAGE;
    const pfn = yield* cpu.kernel.rmqueue(cpu);
    if (pfn !== NO_PAGE) return pfn;
  }
}

/** Reclaims until something was freed; how many folios. */
export function* directReclaim(cpu: Cpu): Path<number> {
  const { nrpages } = cpu.inode;
  let freed = 0;
  cpu.observer?.dutyBegins(cpu, 'reclaim');
  for (let file = 1 as FileId; file <= cpu.geometry.files && freed === 0; file++) {
    if (cpu.at(CACHE_CHECK, nrpages.at(file))) yield;
    if (nrpages.load(file) > 0) freed = yield* cpu.kernel.reclaimPages(cpu, file, 0, cpu.geometry.filePages);
  }
  cpu.observer?.dutyEnds(cpu);
  return freed;
}
