/**
 * LUF v12 in compaction (mm/compaction.c): the scanner takes frames off the zone between the brackets of a takeoff, so they are paid for
 * before a folio moves there.
 */
import type { Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import type { CompactControl } from '../kernel/mm/compaction.ts';
import type { NodeId } from '../kernel/types.ts';
import { type Path, point } from '../memory/point.ts';
import { LUF12_PAGE } from './luf12-tables.ts';
import { lufTakeoffCheck, lufTakeoffCheckAndFold, lufTakeoffEnd, lufTakeoffStart } from './luf12-takeoff.ts';

export const ORDER_SET = point('luf isolateFreePage: off the zone, order to be written over the generation');

/** Linux: isolate_freepages_block(). */
export function* isolateFreepagesBlock(cpu: Cpu, cc: CompactControl, pfn: number, end: number): Path<number> {
  yield* lufTakeoffStart(cpu, cc.node);
  const at = yield* MAINLINE.isolateFreepagesBlock(cpu, cc, pfn, end);
  yield* lufTakeoffEnd(cpu, cc.node);
  return at;
}

/**
 * Linux: luf_takeoff_check() in isolate_freepages_block(), then __isolate_free_page() of a frame that will not be put back. Whoever
 * compacts may be preempted, so no frame is refused. Caller holds zone.lock.
 */
export function* isolateFreePage(cpu: Cpu, node: NodeId, pfn: Pfn): Path<boolean> {
  if (!(yield* lufTakeoffCheck(cpu, node, pfn))) return false;
  if (!(yield* MAINLINE.isolateFreePage(cpu, node, pfn))) return false;
  yield* lufTakeoffCheckAndFold(cpu, node, pfn);
  const { keyOrUgen } = cpu.wordsOf(LUF12_PAGE);
  if (cpu.at(ORDER_SET, keyOrUgen.at(pfn))) yield;
  keyOrUgen.store(pfn, 0);
  return true;
}

/** Linux: compact_finished(), which takes nothing: what it asks is answered as for a takeoff. */
export function* compactFinished(cpu: Cpu, cc: CompactControl): Path<boolean> {
  yield* lufTakeoffStart(cpu, cc.node);
  const finished = yield* MAINLINE.compactFinished(cpu, cc);
  yield* lufTakeoffEnd(cpu, cc.node);
  return finished;
}
