/**
 * Linux: mm/page_idle.c page_idle_get_folio(): a walker over frame numbers takes a reference on whatever folio it finds, looks,
 * and drops it again: perhaps as the last one. Compaction, memory hotplug and page_owner walk alike.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';

export const LOOKS = point('pageIdleWalk: reference taken, what is it?');

/** Walks frames [first, first + count); how many had an owner. The zero page and frame 0 are passed over. */
export function* pageIdleWalk(cpu: Cpu, first: number, count: number): Path<number> {
  const { kernel, folio, geometry } = cpu;
  let seen = 0;
  for (let pfn = Math.max(first, 1) as Pfn; pfn < Math.min(first + count, geometry.frames - 1); pfn++) {
    if (!(yield* kernel.folioTryGet(cpu, pfn))) continue;
    if (cpu.at(LOOKS, folio.flags.at(pfn))) yield;
    folio.flags.load(pfn);
    seen++;
    yield* kernel.folioPut(cpu, pfn);
  }
  return seen;
}
