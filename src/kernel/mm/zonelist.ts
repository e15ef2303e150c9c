/**
 * Linux: mm/page_alloc.c alloc_pages_node() and __alloc_pages_slowpath(): which node gives a frame, and what is done when none has
 * one to spare.
 */
import type { Pfn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { preemptible } from '../locking/preempt.ts';
import type { FrameOwner } from '../observer.ts';
import {
  FAST_NODE,
  GFP_DIRECT_RECLAIM,
  GFP_HIGH,
  GFP_KERNEL,
  GFP_KSWAPD_RECLAIM,
  GFP_THISNODE,
  type NodeId,
  SLOW_NODE,
} from '../types.ts';
import { NO_PAGE } from './page-alloc.ts';

/** Linux: alloc_pages(GFP_KERNEL): from the CPU's own node, if it has a frame. May reclaim. */
export function* allocPage(cpu: Cpu, owner: FrameOwner): Path<Pfn> {
  return yield* cpu.kernel.allocPagesNode(cpu, owner, FAST_NODE, GFP_KERNEL);
}

/**
 * Linux: alloc_pages_node(). A frame with one reference, its words not cleared; NO_PAGE if there is none. Any context, if `gfp`
 * does not let it sleep.
 */
export function* allocPagesNode(cpu: Cpu, owner: FrameOwner, node: NodeId, gfp: number): Path<Pfn> {
  const { kernel, geometry } = cpu;
  mightAlloc(cpu, gfp);
  let pfn = yield* kernel.getPageFromFreelist(cpu, node, gfp, geometry.watermarkLow);
  if (pfn === NO_PAGE) pfn = yield* kernel.allocPagesSlowpath(cpu, node, gfp);
  if (pfn !== NO_PAGE) yield* kernel.prepNewPage(cpu, pfn, owner);
  return pfn;
}

/** Linux: get_page_from_freelist(): the first node of the zonelist with more than `mark` free frames gives one. */
export function* getPageFromFreelist(cpu: Cpu, node: NodeId, gfp: number, mark: number): Path<Pfn> {
  for (const from of zonelist(cpu, node, gfp)) {
    const pfn = yield* cpu.kernel.rmqueue(cpu, from, mark);
    if (pfn !== NO_PAGE) return pfn;
  }
  return NO_PAGE;
}

/**
 * Linux: __alloc_pages_slowpath(): wakes the daemons, goes below the low watermark, then reclaims, as far as `gfp` allows. A
 * caller that may reclaim may sleep and holds no spinlock.
 */
export function* allocPagesSlowpath(cpu: Cpu, node: NodeId, gfp: number): Path<Pfn> {
  const { kernel } = cpu;
  const { watermarkLow, files, swapSlots } = cpu.geometry;
  const min = minMark(cpu, gfp);
  const reclaims = (gfp & GFP_DIRECT_RECLAIM) !== 0 && (files > 0 || swapSlots > 0);
  if ((gfp & GFP_KSWAPD_RECLAIM) !== 0) yield* kernel.wakeAllKswapds(cpu, node, gfp);
  let pfn = NO_PAGE;
  if (min < watermarkLow) pfn = yield* kernel.getPageFromFreelist(cpu, node, gfp, min);
  if (!reclaims) return pfn;
  while (pfn === NO_PAGE) {
    if ((yield* kernel.tryToFreePages(cpu, node, gfp)) === 0) return NO_PAGE;
    pfn = yield* kernel.getPageFromFreelist(cpu, node, gfp, min);
  }
  return pfn;
}

/** Linux: might_alloc(). */
function mightAlloc(cpu: Cpu, gfp: number): void {
  if ((gfp & GFP_DIRECT_RECLAIM) !== 0 && !preemptible(cpu))
    cpu.bug(`allocation that may sleep while CPU${cpu.id} may not`);
}

/**
 * Linux: __zone_watermark_ok() with ALLOC_MIN_RESERVE and ALLOC_NON_BLOCK: below the min watermark whoever may not sleep has half of
 * it, and a quarter of the rest. Left out: the blocks reserved for such allocations of more than one page.
 */
function minMark({ geometry: { watermarkMin: min } }: Cpu, gfp: number): number {
  if ((gfp & GFP_HIGH) === 0) return min;
  const half = min - (min >> 1);
  return (gfp & GFP_DIRECT_RECLAIM) !== 0 ? half : half - (half >> 2);
}

/** Linux: wake_all_kswapds(). */
export function* wakeAllKswapds(cpu: Cpu, node: NodeId, gfp: number): Path<void> {
  for (const of of zonelist(cpu, node, gfp)) yield* cpu.kernel.wakeupKswapd(cpu, of);
}

/** Linux: node_zonelist(): the nodes in the order in which they are asked, the wanted one first. */
export function zonelist(cpu: Cpu, node: NodeId, gfp: number): readonly NodeId[] {
  if (cpu.geometry.nodes === 1) return ONLY;
  if ((gfp & GFP_THISNODE) !== 0) return THIS[node];
  return node === FAST_NODE ? FAST_FIRST : SLOW_FIRST;
}

const ONLY = [FAST_NODE];
const THIS = [ONLY, [SLOW_NODE]];
const FAST_FIRST = [FAST_NODE, SLOW_NODE];
const SLOW_FIRST = [SLOW_NODE, FAST_NODE];
