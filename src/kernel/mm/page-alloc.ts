/**
 * Linux: mm/page_alloc.c, order 0 only: a node's free frames on its zone's stack under zone.lock, a list per CPU in front of it.
 * The per-CPU list is touched without any point in between, so neither an interrupt nor a migration can split an update, and
 * Linux's way round it (pcp_spin_trylock() fails in an interrupt that came in the middle, which then goes to the zone) is never
 * gone here; a policy with points in between needs it. Interrupt handlers allocate and free, too: zone.lock is held with
 * interrupts off, and nothing else is taken on the way.
 * Frames of other CPUs' lists are not drained when the zone is empty: an allocation fails a few frames early.
 */
import { type Geometry, nodeOf } from '../../hardware/geometry.ts';
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type FrameOwner, OWNER_KERNEL } from '../observer.ts';
import { NO_ANON_VMA, type NodeId } from '../types.ts';
import { PG_RESERVED, PG_SWAPCACHE, PG_WRITEBACK } from './folio.ts';
import { pcpWidth } from './zone-tables.ts';

export const NO_PAGE = 0 as Pfn;

export const TAKEN_OFF = point('allocPage: frame handed out, reference not yet set');
export const NO_REFERENCE = point('freeUnrefPage: last reference gone, mapcount to be checked');
export const FLAGS_LEFT = point('freeUnrefPage: unmapped, flags to be cleared');

/**
 * Linux: rmqueue() and rmqueue_pcplist(): off this CPU's list of the node's zone, which is refilled when it is empty. The zone keeps
 * `mark` frames (Linux looks before it comes here, and counts without the zone's lock).
 */
export function* rmqueue(cpu: Cpu, node: NodeId, mark: number): Path<Pfn> {
  const { pcp } = cpu;
  const n = pcp.count.own(cpu.id, node);
  if (n === 0) return yield* cpu.kernel.rmqueueBulk(cpu, node, mark);
  pcp.count.put(cpu.id, n - 1, node);
  return pcp.list.own(cpu.id, pcpListAt(cpu, node) + n - 1) as Pfn;
}

/** Linux: rmqueue_bulk(): a batch from the zone; the first frame is returned, the others go on this CPU's list. */
export function* rmqueueBulk(cpu: Cpu, node: NodeId, mark: number): Path<Pfn> {
  const lock = cpu.zone.lock.at(node);
  yield* cpu.kernel.spinLockIrqsave(cpu, lock);
  const pfn = yield* cpu.kernel.rmqueueSmallest(cpu, node, mark);
  for (let n = 1; n < cpu.geometry.pcpBatch; n++) {
    const extra = yield* cpu.kernel.rmqueueSmallest(cpu, node, mark);
    if (extra === NO_PAGE) break;
    pcpPut(cpu, extra);
  }
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock);
  return pfn;
}

/** Linux: __rmqueue_smallest(): the frame freed last leaves the zone; NO_PAGE at the mark. Caller holds zone.lock. */
export function* rmqueueSmallest(cpu: Cpu, node: NodeId, mark: number): Path<Pfn> {
  const pfn = firstFree(cpu, node, mark);
  if (pfn !== NO_PAGE) yield* cpu.kernel.delPageFromFreeList(cpu, node, pfn);
  return pfn;
}

/** The frame freed last, still on the free list; NO_PAGE at the mark. Caller holds zone.lock. */
export function firstFree(cpu: Cpu, node: NodeId, mark: number): Pfn {
  const { zone } = cpu;
  const n = zone.nrFree.load(node);
  return n <= mark ? NO_PAGE : (zone.free.load(node, n - 1) as Pfn);
}

/** Linux: __del_page_from_free_list(). Caller holds zone.lock. */
export function* delPageFromFreeList(cpu: Cpu, node: NodeId, pfn: Pfn): Path<void> {
  const { zone } = cpu;
  const last = zone.nrFree.load(node) - 1;
  let at = last;
  while (at >= 0 && zone.free.load(node, at) !== pfn) at--;
  if (at < 0) cpu.bug(`frame 0x${pfn.toString(16)} to be taken off the free list, but it is not there`);
  for (; at < last; at++) zone.free.store(node, zone.free.load(node, at + 1), at);
  zone.nrFree.store(node, last);
}

/** Linux: PageBuddy(): is the frame on the free list? Caller holds zone.lock. */
export function* pageBuddy(cpu: Cpu, node: NodeId, pfn: Pfn): Path<boolean> {
  const { zone } = cpu;
  const n = zone.nrFree.load(node);
  for (let at = 0; at < n; at++) if (zone.free.load(node, at) === pfn) return true;
  return false;
}

/**
 * Linux: __isolate_free_page(): a frame of the free list leaves it, if whoever may go down to the min watermark could allocate it.
 * Caller holds zone.lock.
 */
export function* isolateFreePage(cpu: Cpu, node: NodeId, pfn: Pfn): Path<boolean> {
  if ((yield* cpu.kernel.nrFreePages(cpu, node)) <= cpu.geometry.watermarkMin + 1) return false;
  yield* cpu.kernel.delPageFromFreeList(cpu, node, pfn);
  return true;
}

/** Linux: prep_new_page(), of a frame that leaves the allocator for whoever asked for it. */
export function* prepNewPage(cpu: Cpu, pfn: Pfn, owner: FrameOwner): Path<void> {
  yield* cpu.kernel.postAllocHook(cpu, pfn, owner);
}

/**
 * Linux: post_alloc_hook() and set_page_refcounted(). From here on the frame has an owner; PFN walkers may take references as soon
 * as it has one.
 */
export function* postAllocHook(cpu: Cpu, pfn: Pfn, owner: FrameOwner): Path<void> {
  cpu.observer?.frameHandedOut(cpu, pfn, owner);
  if (cpu.at(TAKEN_OFF, cpu.folio.refcount.at(pfn))) yield;
  cpu.folio.refcount.store(pfn, 1);
}

/** Linux: __free_page(): drops the caller's reference, for pages that were never mapped (page tables, failed faults). */
export function* freePage(cpu: Cpu, pfn: Pfn): Path<void> {
  yield* cpu.kernel.folioPut(cpu, pfn);
}

/** Linux: free_unref_page(): gives a frame without references back. */
export function* freeUnrefPage(cpu: Cpu, pfn: Pfn): Path<void> {
  yield* cpu.kernel.freePagesPrepare(cpu, pfn);
  cpu.observer?.frameFreed(cpu, pfn);
  yield* cpu.kernel.freeUnrefPageCommit(cpu, pfn);
}

/** Linux: free_unref_page_commit(): onto this CPU's list, of which a batch goes back when it is too long. */
export function* freeUnrefPageCommit(cpu: Cpu, pfn: Pfn): Path<void> {
  pcpPut(cpu, pfn);
  const node = nodeOf(cpu.geometry, pfn) as NodeId;
  if (cpu.pcp.count.own(cpu.id, node) > cpu.geometry.pcpHigh) yield* cpu.kernel.freePcppagesBulk(cpu, node);
}

/**
 * Linux: free_pages_prepare(): a page that is freed has no mapping, is not locked, and forgets its flags; with init_on_free its
 * content, too, and whoever still reaches the frame reads zeroes.
 */
export function* freePagesPrepare(cpu: Cpu, pfn: Pfn): Path<void> {
  const { folio } = cpu;
  if (cpu.at(NO_REFERENCE, folio.mapcount.at(pfn))) yield;
  const mapcount = folio.mapcount.load(pfn);
  if (mapcount !== 0) cpu.bug(`folio 0x${pfn.toString(16)} freed with mapcount ${mapcount}`);
  if (cpu.at(FLAGS_LEFT, folio.flags.at(pfn))) yield;
  const flags = folio.flags.exchange(pfn, 0);
  folio.anonVma.store(pfn, NO_ANON_VMA);
  folio.anonIndex.store(pfn, 0);
  if ((flags & (PG_RESERVED | PG_WRITEBACK | PG_SWAPCACHE)) !== 0) {
    cpu.bug(`folio 0x${pfn.toString(16)} freed with flags 0x${flags.toString(16)}`);
  }
  if (cpu.switches.initOnFree) yield* cpu.kernel.clearPage(cpu, pfn, cpu.geometry.frameWords);
}

/** Linux: free_pcppages_bulk(): the batch that lay longest on this CPU's list goes back to the zone. */
export function* freePcppagesBulk(cpu: Cpu, node: NodeId): Path<void> {
  const { pcp } = cpu;
  const lock = cpu.zone.lock.at(node);
  yield* cpu.kernel.spinLockIrqsave(cpu, lock);
  // the task may run on another CPU than before the lock: whatever list is this CPU's now
  const { id } = cpu;
  const at = pcpListAt(cpu, node);
  const n = pcp.count.own(id, node);
  const moved = Math.min(cpu.geometry.pcpBatch, n);
  for (let i = 0; i < moved; i++) yield* cpu.kernel.freeOnePage(cpu, node, pcp.list.own(id, at + i) as Pfn);
  for (let i = moved; i < n; i++) pcp.list.put(id, pcp.list.own(id, at + i), at + i - moved);
  pcp.count.put(id, n - moved, node);
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock);
}

/** Linux: __free_one_page(): a frame goes back to the zone. Caller holds zone.lock, interrupts off. */
export function* freeOnePage(cpu: Cpu, node: NodeId, pfn: Pfn): Path<void> {
  zonePut(cpu, node, pfn);
}

/** Linux: empty_zero_page. The last frame: mapped read-only for reads of untouched memory, never counted, never freed. */
export function zeroPfn(geometry: Geometry): Pfn {
  return (geometry.frames - 1) as Pfn;
}

/**
 * Fills the stack of each zone with the node's frames but 0 and the zero page, low frames on top. At boot: writes the bare
 * image.
 */
export function bootAllocator(cpu: Cpu): void {
  const { zone, folio, geometry } = cpu;
  const { words } = cpu.mem;
  const zero = zeroPfn(geometry);
  for (let pfn = (zero - 1) as Pfn; pfn > 0; pfn--) {
    const node = nodeOf(geometry, pfn) as NodeId;
    words[zone.free.at(node, words[zone.nrFree.at(node)]++)] = pfn;
  }
  words[folio.refcount.at(zero)] = 1;
  words[folio.flags.at(zero)] = PG_RESERVED;
  cpu.observer?.frameHandedOut(cpu, zero, OWNER_KERNEL);
}

/** Linux: __add_to_free_list(), at the head. Caller holds zone.lock. */
export function zonePut(cpu: Cpu, node: NodeId, pfn: Pfn): void {
  const { zone } = cpu;
  const n = zone.nrFree.load(node);
  zone.free.store(node, pfn, n);
  zone.nrFree.store(node, n + 1);
}

function pcpPut(cpu: Cpu, pfn: Pfn): void {
  const { pcp } = cpu;
  const node = nodeOf(cpu.geometry, pfn) as NodeId;
  const n = pcp.count.own(cpu.id, node);
  if (n >= pcpWidth(cpu.geometry)) cpu.bug(`per-cpu list of cpu ${cpu.id} overflows with frame 0x${pfn.toString(16)}`);
  pcp.list.put(cpu.id, pfn, pcpListAt(cpu, node) + n);
  pcp.count.put(cpu.id, n + 1, node);
}

/** Where the list of the node's zone begins in `pcp.list`. */
export function pcpListAt(cpu: Cpu, node: NodeId): number {
  return node * pcpWidth(cpu.geometry);
}
