/** LUF v12 at the list per CPU (mm/page_alloc.c): a frame is freed with a key, and taken off between the brackets of a takeoff. */
import { nodeOf } from '../hardware/geometry.ts';
import type { Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { preemptDisable, preemptEnable } from '../kernel/locking/preempt.ts';
import { NO_PAGE, pcpListAt } from '../kernel/mm/page-alloc.ts';
import { type NodeId, NUMA_NO_NODE } from '../kernel/types.ts';
import { type Path, point } from '../memory/point.ts';
import { LUF12_CPU, LUF12_PAGE } from './luf12-tables.ts';
import { lufTakeoffCheckAndFoldPcp, lufTakeoffEnd, lufTakeoffStart } from './luf12-takeoff.ts';

export const KEEPS = point('luf freeUnrefPageCommit: about to be listed, key to be kept with the frame');

/** Linux: free_frozen_pages(page, order, luf_key). A frame without references. */
export function* freeFrozenPages(cpu: Cpu, pfn: Pfn, key: number): Path<void> {
  yield* cpu.kernel.freePagesPrepare(cpu, pfn);
  cpu.observer?.frameFreed(cpu, pfn);
  yield* commitWithKey(cpu, pfn, key);
}

/** All other callers: luf_key = 0. */
export function* freeUnrefPage(cpu: Cpu, pfn: Pfn): Path<void> {
  yield* freeFrozenPages(cpu, pfn, 0);
}

/**
 * Linux: free_unref_page_commit(): frames with a key go to the tail of the list: allocated last, back to the zone first. In an
 * interrupt that came while the list was held, free_one_page(): to the zone at once.
 */
function* commitWithKey(cpu: Cpu, pfn: Pfn, key: number): Path<void> {
  const { keyOrUgen } = cpu.wordsOf(LUF12_PAGE);
  const { pcp, kernel } = cpu;
  const node = nodeOf(cpu.geometry, pfn) as NodeId;
  const locked = pcpSpinTrylock(cpu);
  if (cpu.at(KEEPS, keyOrUgen.at(pfn))) yield;
  keyOrUgen.store(pfn, key);
  if (!locked) {
    yield* kernel.spinLockIrqsave(cpu, cpu.zone.lock.at(node));
    yield* kernel.freeOnePage(cpu, node, pfn);
    yield* kernel.spinUnlockIrqrestore(cpu, cpu.zone.lock.at(node));
    return;
  }
  if (key === 0) yield* MAINLINE.freeUnrefPageCommit(cpu, pfn);
  else {
    const at = pcpListAt(cpu, node);
    const n = pcp.count.own(cpu.id, node);
    for (let i = n; i > 0; i--) pcp.list.put(cpu.id, pcp.list.own(cpu.id, at + i - 1), at + i);
    pcp.list.put(cpu.id, pfn, at);
    pcp.count.put(cpu.id, n + 1, node);
    if (n + 1 > cpu.geometry.pcpHigh) yield* kernel.freePcppagesBulk(cpu, node);
  }
  yield* pcpSpinUnlock(cpu);
}

/** Linux: pcp_spin_trylock(): fails in an interrupt that came while this CPU held its list. */
function pcpSpinTrylock(cpu: Cpu): boolean {
  const { pcpLock } = cpu.wordsOf(LUF12_CPU);
  if (pcpLock.own(cpu.id) !== 0) return false;
  preemptDisable(cpu);
  pcpLock.put(cpu.id, 1);
  return true;
}

/** Linux: pcp_spin_unlock(). May preempt the caller. */
function* pcpSpinUnlock(cpu: Cpu): Path<void> {
  cpu.wordsOf(LUF12_CPU).pcpLock.put(cpu.id, 0);
  yield* preemptEnable(cpu);
}

/** Linux: rmqueue(): the list of this CPU, else the zone. */
export function* rmqueue(cpu: Cpu, node: NodeId, mark: number): Path<Pfn> {
  const pfn = yield* rmqueuePcplist(cpu, node, mark);
  return pfn !== NO_PAGE ? pfn : yield* rmqueueBuddy(cpu, node, mark);
}

/**
 * Linux: rmqueue_pcplist(), __rmqueue_pcplist(): the first frame of the list that is not refused. NO_PAGE if the list is held
 * already.
 */
function* rmqueuePcplist(cpu: Cpu, node: NodeId, mark: number): Path<Pfn> {
  const { pcp } = cpu;
  const at = pcpListAt(cpu, node);
  yield* lufTakeoffStart(cpu, NUMA_NO_NODE);
  if (!pcpSpinTrylock(cpu)) {
    yield* lufTakeoffEnd(cpu, NUMA_NO_NODE);
    return NO_PAGE;
  }
  let pfn = NO_PAGE;
  const n = pcp.count.own(cpu.id, node);
  if (n === 0) pfn = yield* cpu.kernel.rmqueueBulk(cpu, node, mark);
  for (let i = n - 1; i >= 0 && pfn === NO_PAGE; i--) {
    const candidate = pcp.list.own(cpu.id, at + i) as Pfn;
    if (!(yield* lufTakeoffCheckAndFoldPcp(cpu, candidate))) continue;
    pfn = candidate;
    for (let k = i + 1; k < n; k++) pcp.list.put(cpu.id, pcp.list.own(cpu.id, at + k), at + k - 1);
    pcp.count.put(cpu.id, n - 1, node);
  }
  yield* pcpSpinUnlock(cpu);
  yield* lufTakeoffEnd(cpu, NUMA_NO_NODE);
  return pfn;
}

/** Linux: rmqueue_bulk(). Caller holds pcp->lock, so preemption is off. */
export function* rmqueueBulk(cpu: Cpu, node: NodeId, mark: number): Path<Pfn> {
  yield* lufTakeoffStart(cpu, node);
  const pfn = yield* MAINLINE.rmqueueBulk(cpu, node, mark);
  yield* lufTakeoffEnd(cpu, node);
  return pfn;
}

/** Linux: rmqueue_buddy(): the zone, passing by the list of this CPU. */
function* rmqueueBuddy(cpu: Cpu, node: NodeId, mark: number): Path<Pfn> {
  const lock = cpu.zone.lock.at(node);
  yield* lufTakeoffStart(cpu, node);
  yield* cpu.kernel.spinLockIrqsave(cpu, lock);
  const pfn = yield* cpu.kernel.rmqueueSmallest(cpu, node, mark);
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock);
  yield* lufTakeoffEnd(cpu, node);
  return pfn;
}
