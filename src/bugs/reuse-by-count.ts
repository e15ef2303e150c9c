/**
 * What a store to a write-protected page of anonymous memory did from 5.8 to 5.18, before PG_anon_exclusive: it copied the page if
 * anybody else held a reference, the swap cache or a passing walk included. Since then a page that was writable is never copied.
 */
import type { Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { type Path, point } from '../memory/point.ts';

export const COUNTED = point('doWpPage: read-only page found, who else holds it?');

/** Linux 5.11: do_wp_page(), page_count(page) != 1. Caller holds the PTL. */
export function* reuseByCount(cpu: Cpu, page: Pfn): Path<boolean> {
  const { refcount } = cpu.folio;
  if (cpu.at(COUNTED, refcount.at(page))) yield;
  return refcount.load(page) === 1 && (yield* MAINLINE.wpCanReuseAnonFolio(cpu, page));
}
