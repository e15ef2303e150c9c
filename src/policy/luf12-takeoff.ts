/**
 * LUF v12 takeoff (mm/page_alloc.c): brackets around the removal of frames from a free list. Between them it is decided whether a
 * frame that owes a flush may be taken; the last one flushes what the frames taken owe, before anybody uses them.
 */
import { irqsOff } from '../hardware/apic.ts';
import type { Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { HARDIRQ_OFFSET, preemptible } from '../kernel/locking/preempt.ts';
import { type NodeId, NUMA_NO_NODE } from '../kernel/types.ts';
import { type Path, point } from '../memory/point.ts';
import { archTlbbatchCheckDone, archTlbbatchDiet, foldBatch, resetBatch, ubcTakeoff, ugenOf } from './luf12-batch.ts';
import { tryToUnmapFlushTakeoff } from './luf12-flush.ts';
import { LUF_BATCHES, LUF12_PAGE, LUF12_TASK, LUF12_ZONE, ZONE_BATCH } from './luf12-tables.ts';
import {
  LUF_UGEN_INIT,
  nextUgen,
  pageZoneUgen,
  prevUgen,
  ugenBefore,
  ugenLater,
  ZONE_UGEN_INIT,
} from './luf12-ugen.ts';

export const FREE_READ = point('nonLufPagesOk: how many frames are free?');
export const PEND_READ = point('nonLufPagesOk: how many frames are on pend_list?');
export const LUF_READ = point('nonLufPagesOk: how many frames owe a flush?');
export const KEY_READ = point('lufTakeoffCheckAndFold: frame on the list of this CPU, key to be read');
export const PAGE_READ = point('pageZoneUgen: frame on pend_list, generation to be read');
export const DONE_READ = point('zoneUgenDone: generation of the frame known, how far are the flushes of the zone?');
export const RESETS_LUF = point('lufTakeoffCheckAndFold: batch of the zone claimed, nr_luf_pages to be reset');
export const AWAITED = point('waitZoneUgenDone: is the flush of others done?');
export const OTHERS_FLUSH = point('waitZoneUgenDone: flush of others not done');
export const SETS_DONE = point('setZoneUgenDone: flushed, zone_ugen_done to be set');

/** Linux: min_wmark_pages(); where the machine has no watermarks, one frame in sixteen. */
function minWmarkPages({ geometry }: Cpu): number {
  return geometry.watermarkMin > 0 ? geometry.watermarkMin : geometry.frames >> 4;
}

/** Linux: non_luf_pages_ok(): NR_FREE_PAGES counts both lists. With or without zone.lock. The difference is unsigned in Linux. */
export function* nonLufPagesOk(cpu: Cpu, node: NodeId): Path<boolean> {
  const { nrPend, nrLufPages } = cpu.wordsOf(LUF12_ZONE);
  if (cpu.at(FREE_READ, cpu.zone.nrFree.at(node))) yield;
  const nrFree = cpu.zone.nrFree.load(node);
  if (cpu.at(PEND_READ, nrPend.at(node))) yield;
  const pend = nrPend.load(node);
  if (cpu.at(LUF_READ, nrLufPages.at(node))) yield;
  return (nrFree + pend - nrLufPages.load(node)) >>> 0 > minWmarkPages(cpu);
}

/**
 * Linux: no_shootdown_context(): not in_task(), or interrupts off; while frames that owe nothing are plenty, not preemptible()
 * either.
 */
function* noShootdownContext(cpu: Cpu, node: NodeId): Path<boolean> {
  const relaxed = node !== NUMA_NO_NODE && (yield* nonLufPagesOk(cpu, node));
  return relaxed ? !preemptible(cpu) : irqsOff(cpu) || cpu.rq.preemptCount.own(cpu.id) >= HARDIRQ_OFFSET;
}

/** Linux: luf_takeoff_start(). The zone is that of `node`; on the paths of the list per CPU it is not given. */
export function* lufTakeoffStart(cpu: Cpu, node: NodeId): Path<void> {
  const { lufNoShootdown, lufTakeoffStarted } = cpu.wordsOf(LUF12_TASK);
  const me = cpu.current;
  const no = yield* noShootdownContext(cpu, node);
  if (no || lufNoShootdown.own(me) !== 0) lufNoShootdown.put(me, lufNoShootdown.own(me) + 1);
  lufTakeoffStarted.put(me, lufTakeoffStarted.own(me) + 1);
}

/**
 * Linux: luf_takeoff_end(). zone.lock is dropped, the frames are not used yet. As posted the counts are those of the task, whoever
 * runs on it: in an interrupt that came before the task has flushed, the count that the handler has raised falls back to 0,
 * and what the task has folded is flushed there.
 */
export function* lufTakeoffEnd(cpu: Cpu, node: NodeId): Path<void> {
  const { lufNoShootdown, lufTakeoffStarted, lufUgen, zoneUgen, waitZoneUgen } = cpu.wordsOf(LUF12_TASK);
  const me = cpu.current;
  if (lufNoShootdown.own(me) !== 0) lufNoShootdown.put(me, lufNoShootdown.own(me) - 1);
  lufTakeoffStarted.put(me, lufTakeoffStarted.own(me) - 1);
  if (lufNoShootdown.own(me) !== 0) return;
  const ugen = lufUgen.own(me);
  const own = zoneUgen.own(me);
  const others = waitZoneUgen.own(me);
  lufUgen.put(me, 0);
  if (ugen !== 0 && (yield* archTlbbatchDiet(cpu, ubcTakeoff(cpu), ugen))) resetBatch(cpu, ubcTakeoff(cpu));
  yield* tryToUnmapFlushTakeoff(cpu);
  if (node === NUMA_NO_NODE || (own === 0 && others === 0)) return;
  zoneUgen.put(me, 0);
  waitZoneUgen.put(me, 0);
  if (others !== 0) yield* waitZoneUgenDone(cpu, node, others);
  if (own === 0) return;
  const { zoneUgenDone } = cpu.wordsOf(LUF12_ZONE);
  if (cpu.at(SETS_DONE, zoneUgenDone.at(node))) yield;
  zoneUgenDone.store(node, own - ZONE_UGEN_INIT + 1);
}

/** Linux: wait_zone_ugen_done(), a loop around cond_resched(), which does nothing where the task may not sleep. */
function* waitZoneUgenDone(cpu: Cpu, node: NodeId, ugen: number): Path<void> {
  const { zoneUgenDone } = cpu.wordsOf(LUF12_ZONE);
  for (;;) {
    if (cpu.at(AWAITED, zoneUgenDone.at(node))) yield;
    const seen = zoneUgenDone.load(node);
    if (!ugenBefore(seen + ZONE_UGEN_INIT - 1, ugen)) return;
    if (!preemptible(cpu)) yield cpu.waitWhile(OTHERS_FLUSH, zoneUgenDone.at(node), seen);
    else if (yield* cpu.kernel.pollBegin(cpu)) {
      yield cpu.waitWhile(OTHERS_FLUSH, zoneUgenDone.at(node), seen);
      yield* cpu.kernel.pollEnd(cpu);
    } else yield* cpu.kernel.pollYield(cpu);
  }
}

/** Linux: luf_takeoff_check_and_fold(NULL, page): a frame on the list of this CPU. Caller holds that list. */
export function* lufTakeoffCheckAndFoldPcp(cpu: Cpu, pfn: Pfn): Path<boolean> {
  const { keyOrUgen } = cpu.wordsOf(LUF12_PAGE);
  const { lufNoShootdown, lufUgen } = cpu.wordsOf(LUF12_TASK);
  const lb = cpu.wordsOf(LUF_BATCHES);
  const me = cpu.current;
  if (cpu.at(KEY_READ, keyOrUgen.at(pfn))) yield;
  const key = keyOrUgen.load(pfn);
  if (key === 0) return true;
  const batch = { of: lb, row: key };
  yield* cpu.kernel.readLockIrqsave(cpu, lb.lock.at(key));
  const ugen = ugenOf(lb, key);
  const done = yield* archTlbbatchCheckDone(cpu, batch, ugen);
  const refused = !done && lufNoShootdown.own(me) !== 0;
  if (!done && !refused) foldBatch(cpu, ubcTakeoff(cpu), batch, false);
  yield* cpu.kernel.readUnlockIrqrestore(cpu, lb.lock.at(key));
  if (!done && !refused) lufUgen.put(me, ugenLater(lufUgen.own(me), ugen));
  return !refused;
}

/** The zone generation of a frame on pend_list, 0 if it owes nothing any more. Caller holds zone.lock. */
function* owedUgen(cpu: Cpu, node: NodeId, pfn: Pfn): Path<number> {
  const { keyOrUgen } = cpu.wordsOf(LUF12_PAGE);
  const zone = cpu.wordsOf(LUF12_ZONE);
  if (cpu.at(PAGE_READ, keyOrUgen.at(pfn))) yield;
  const ugen = pageZoneUgen(zone.zoneUgen.load(node) + ZONE_UGEN_INIT, keyOrUgen.load(pfn));
  if (ugen === 0) return 0;
  if (cpu.at(DONE_READ, zone.zoneUgenDone.at(node))) yield;
  return ugenBefore(zone.zoneUgenDone.load(node) + ZONE_UGEN_INIT - 1, ugen) ? ugen : 0;
}

/** Linux: luf_takeoff_check(zone, page): may the frame be taken? Outside the brackets it may not. Caller holds zone.lock. */
export function* lufTakeoffCheck(cpu: Cpu, node: NodeId, pfn: Pfn): Path<boolean> {
  const { lufNoShootdown, lufTakeoffStarted } = cpu.wordsOf(LUF12_TASK);
  if (lufTakeoffStarted.own(cpu.current) === 0) return false;
  return (yield* owedUgen(cpu, node, pfn)) === 0 || lufNoShootdown.own(cpu.current) === 0;
}

/**
 * Linux: luf_takeoff_check_and_fold(zone, page). The first to take a frame of the present generation claims the whole batch of the
 * zone; frames of former generations are flushed for by others, who are waited for. Caller holds zone.lock.
 */
export function* lufTakeoffCheckAndFold(cpu: Cpu, node: NodeId, pfn: Pfn): Path<boolean> {
  const { lufNoShootdown, lufUgen, zoneUgen, waitZoneUgen } = cpu.wordsOf(LUF12_TASK);
  const zone = cpu.wordsOf(LUF12_ZONE);
  const me = cpu.current;
  const ugen = yield* owedUgen(cpu, node, pfn);
  if (ugen === 0) return true;
  if (lufNoShootdown.own(me) !== 0) return false;
  if (zoneUgen.own(me) !== 0) return true;
  const present = zone.zoneUgen.load(node) + ZONE_UGEN_INIT;
  if (ugen !== present) {
    waitZoneUgen.put(me, ugenLater(waitZoneUgen.own(me), ugen));
    return true;
  }
  waitZoneUgen.put(me, prevUgen(present));
  zoneUgen.put(me, present);
  lufUgen.put(me, zone.lufUgen.load(node) + LUF_UGEN_INIT - 1);
  zone.zoneUgen.store(node, nextUgen(present) - ZONE_UGEN_INIT);
  if (cpu.at(RESETS_LUF, zone.nrLufPages.at(node))) yield;
  zone.nrLufPages.store(node, 0);
  foldBatch(cpu, ubcTakeoff(cpu), { of: cpu.wordsOf(ZONE_BATCH), row: node }, true);
  return true;
}
