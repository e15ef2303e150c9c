/**
 * Linux: mm/page_alloc.c __alloc_pages_slowpath() and mm/vmscan.c do_try_to_free_pages(): the task that finds no free frame
 * reclaims some itself. Linux takes folios off the ends of the inactive lists; here the page caches are gone through in order, and
 * then the frames, for anonymous folios.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { FileId } from '../types.ts';
import { PG_ANON, PG_LRU } from './folio.ts';
import { NO_PAGE } from './page-alloc.ts';

/** On the list of anonymous folios. */
const LISTED_ANON = PG_LRU | PG_ANON;

export const CACHE_CHECK = point('directReclaim: no free frame, has the file pages in the cache?');
export const LISTED = point('isolateAnon: next frame, is it on the list of anonymous folios?');

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
  for (let at = 1; at < cpu.geometry.frames && cpu.geometry.swapSlots > 0 && freed === 0; ) {
    const { folios, next } = yield* cpu.kernel.isolateAnon(cpu, at);
    freed = yield* cpu.kernel.shrinkFolioList(cpu, folios);
    at = next;
  }
  cpu.observer?.dutyEnds(cpu);
  return freed;
}

/**
 * Linux: isolate_lru_folios() of the anonymous list: up to a batch of anonymous folios from frame `first` on; `next` is the
 * first frame not looked at.
 */
export function* isolateAnon(cpu: Cpu, first: number): Path<{ folios: Pfn[]; next: number }> {
  const { kernel, folio, geometry } = cpu;
  const folios: Pfn[] = [];
  let next = first as Pfn;
  for (; next < geometry.frames && folios.length < geometry.reclaimBatch; next++) {
    if (cpu.at(LISTED, folio.flags.at(next))) yield;
    if ((folio.flags.load(next) & LISTED_ANON) !== LISTED_ANON) continue;
    if (!(yield* kernel.folioTryGet(cpu, next))) continue;
    if (yield* kernel.folioIsolateLru(cpu, next)) folios.push(next);
    else yield* kernel.folioPut(cpu, next);
  }
  return { folios, next };
}
