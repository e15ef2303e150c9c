/**
 * LUF v12 in the zone (mm/page_alloc.c, the buddy side, order 0): frames that owe a flush lie on pend_list, apart from free_list,
 * and carry a generation of the zone, whose batch holds what all of them owe. Every routine here: caller holds zone.lock.
 */
import type { Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { NO_PAGE } from '../kernel/mm/page-alloc.ts';
import type { NodeId } from '../kernel/types.ts';
import { type Path, point } from '../memory/point.ts';
import { foldBatch, ugenOf } from './luf12-batch.ts';
import { LUF_BATCHES, LUF12_PAGE, LUF12_ZONE, ZONE_BATCH } from './luf12-tables.ts';
import { lufTakeoffCheck, lufTakeoffCheckAndFold, nonLufPagesOk } from './luf12-takeoff.ts';
import { LUF_UGEN_INIT, shortUgen, ugenBefore, ugenLater, ZONE_UGEN_INIT } from './luf12-ugen.ts';

export const KEY_TAKEN = point('luf freeOnePage: off the list of a CPU, key to be taken');
export const STAMPED = point('luf freeOnePage: key known, generation of the zone to be kept with the frame');
export const SPLICE_CHECK = point('flushPendListIfDone: how far are the flushes of the zone?');
export const COUNTS = point('luf addToFreeList: on pend_list, to be counted');
export const UNCOUNTS = point('luf delPageFromFreeList: off pend_list, to be uncounted');
export const FORGETS = point('getPageFromFreeArea: frame of free_list, generation to be cleared');
export const CLEARS = point('luf rmqueueBulk: off the zone, generation to be cleared');

/** Linux: NR_FREE_PAGES counts both lists. */
export function* nrFreePages(cpu: Cpu, node: NodeId): Path<number> {
  return (yield* MAINLINE.nrFreePages(cpu, node)) + cpu.wordsOf(LUF12_ZONE).nrPend.load(node);
}

/** Linux: __free_one_page() without buddies to merge with, after free_pcppages_bulk() has taken the key off the frame. */
export function* freeOnePage(cpu: Cpu, node: NodeId, pfn: Pfn): Path<void> {
  const { keyOrUgen } = cpu.wordsOf(LUF12_PAGE);
  const zone = cpu.wordsOf(LUF12_ZONE);
  if (cpu.at(KEY_TAKEN, keyOrUgen.at(pfn))) yield;
  const key = keyOrUgen.exchange(pfn, 0);
  if (key !== 0) {
    if (cpu.at(STAMPED, keyOrUgen.at(pfn))) yield;
    keyOrUgen.store(pfn, shortUgen(zone.zoneUgen.load(node) + ZONE_UGEN_INIT));
    yield* updateZoneBatch(cpu, node, key);
  }
  yield* flushPendListIfDone(cpu, node);
  if (key === 0) yield* MAINLINE.freeOnePage(cpu, node, pfn);
  else yield* addToPendList(cpu, node, pfn);
}

/** Linux: update_zone_batch(). */
function* updateZoneBatch(cpu: Cpu, node: NodeId, key: number): Path<void> {
  const { kernel } = cpu;
  const lb = cpu.wordsOf(LUF_BATCHES);
  const { lufUgen } = cpu.wordsOf(LUF12_ZONE);
  yield* kernel.readLockIrqsave(cpu, lb.lock.at(key));
  foldBatch(cpu, { of: cpu.wordsOf(ZONE_BATCH), row: node }, { of: lb, row: key }, false);
  const ugen = ugenOf(lb, key);
  yield* kernel.readUnlockIrqrestore(cpu, lb.lock.at(key));
  lufUgen.store(node, ugenLater(lufUgen.load(node) + LUF_UGEN_INIT - 1, ugen) - LUF_UGEN_INIT + 1);
}

/** Linux: __add_to_free_list() of a frame that owes a flush: to the tail of pend_list. */
function* addToPendList(cpu: Cpu, node: NodeId, pfn: Pfn): Path<void> {
  const { nrPend, pend, pendZoneUgen, zoneUgen, nrLufPages } = cpu.wordsOf(LUF12_ZONE);
  const n = nrPend.load(node);
  pend.store(node, pfn, n);
  nrPend.store(node, n + 1);
  pendZoneUgen.store(node, zoneUgen.load(node));
  if (cpu.at(COUNTS, nrLufPages.at(node))) yield;
  nrLufPages.add(node, 1);
}

/** Linux: flush_pend_list_if_done(): once the flushes are done, the whole of pend_list moves to the head of free_list. */
function* flushPendListIfDone(cpu: Cpu, node: NodeId): Path<void> {
  const { zoneUgenDone, pendZoneUgen, nrPend, pend } = cpu.wordsOf(LUF12_ZONE);
  if (cpu.at(SPLICE_CHECK, zoneUgenDone.at(node))) yield;
  const done = zoneUgenDone.load(node) + ZONE_UGEN_INIT - 1;
  if (ugenBefore(done, pendZoneUgen.load(node) + ZONE_UGEN_INIT)) return;
  for (let n = nrPend.load(node); n > 0; n--) {
    yield* MAINLINE.freeOnePage(cpu, node, pend.load(node, n - 1) as Pfn);
    pend.store(node, 0, n - 1);
    nrPend.store(node, n - 1);
  }
}

/** The first frame of free_list, off it; NO_PAGE if it is empty. */
function* takeFree(cpu: Cpu, node: NodeId): Path<Pfn> {
  const { keyOrUgen } = cpu.wordsOf(LUF12_PAGE);
  const pfn = yield* MAINLINE.rmqueueSmallest(cpu, node, 0);
  if (pfn === NO_PAGE) return NO_PAGE;
  if (cpu.at(FORGETS, keyOrUgen.at(pfn))) yield;
  keyOrUgen.store(pfn, 0);
  return pfn;
}

/** The first frame of pend_list, off it, if it may be taken. */
function* takePend(cpu: Cpu, node: NodeId): Path<Pfn> {
  const { nrPend, pend } = cpu.wordsOf(LUF12_ZONE);
  const n = nrPend.load(node);
  const pfn = pend.load(node, 0) as Pfn;
  if (n === 0 || !(yield* lufTakeoffCheck(cpu, node, pfn))) return NO_PAGE;
  yield* cpu.kernel.delPageFromFreeList(cpu, node, pfn);
  return pfn;
}

/** Linux: __del_page_from_free_list(), of either list. */
export function* delPageFromFreeList(cpu: Cpu, node: NodeId, pfn: Pfn): Path<void> {
  const { nrPend, pend, nrLufPages } = cpu.wordsOf(LUF12_ZONE);
  const at = pendIndex(cpu, node, pfn);
  if (at < 0) return yield* MAINLINE.delPageFromFreeList(cpu, node, pfn);
  if (cpu.at(UNCOUNTS, nrLufPages.at(node))) yield;
  nrLufPages.add(node, -1);
  const n = nrPend.load(node);
  for (let i = at + 1; i < n; i++) pend.store(node, pend.load(node, i), i - 1);
  pend.store(node, 0, n - 1);
  nrPend.store(node, n - 1);
}

/** Linux: PageBuddy(), of either list. */
export function* pageBuddy(cpu: Cpu, node: NodeId, pfn: Pfn): Path<boolean> {
  return (yield* MAINLINE.pageBuddy(cpu, node, pfn)) || pendIndex(cpu, node, pfn) >= 0;
}

/** Where the frame is on pend_list, or -1. */
function pendIndex(cpu: Cpu, node: NodeId, pfn: Pfn): number {
  const { nrPend, pend } = cpu.wordsOf(LUF12_ZONE);
  const n = nrPend.load(node);
  for (let at = 0; at < n; at++) if (pend.load(node, at) === pfn) return at;
  return -1;
}

/** Linux: get_page_from_free_area(): frames that owe nothing first, as long as there are enough of them. */
function* getPageFromFreeArea(cpu: Cpu, node: NodeId): Path<Pfn> {
  const pendFirst = !(yield* nonLufPagesOk(cpu, node));
  yield* flushPendListIfDone(cpu, node);
  const pfn = pendFirst ? yield* takePend(cpu, node) : yield* takeFree(cpu, node);
  if (pfn !== NO_PAGE) return pfn;
  return pendFirst ? yield* takeFree(cpu, node) : yield* takePend(cpu, node);
}

/** Linux: __rmqueue_smallest(): off the zone. The word of the frame is cleared as rmqueue_bulk() does. */
export function* rmqueueSmallest(cpu: Cpu, node: NodeId, mark: number): Path<Pfn> {
  const { keyOrUgen } = cpu.wordsOf(LUF12_PAGE);
  if ((yield* nrFreePages(cpu, node)) <= mark) return NO_PAGE;
  const pfn = yield* getPageFromFreeArea(cpu, node);
  if (pfn === NO_PAGE) return NO_PAGE;
  yield* lufTakeoffCheckAndFold(cpu, node, pfn);
  if (cpu.at(CLEARS, keyOrUgen.at(pfn))) yield;
  keyOrUgen.store(pfn, 0);
  return pfn;
}
