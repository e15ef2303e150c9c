/**
 * Linux: mm/page_alloc.c, order 0 only: free frames on the zone's stack under zone.lock, and a list per CPU in front of it.
 * The per-CPU list is touched without any point in between, so neither an interrupt nor a migration can split an update.
 * Frames of other CPUs' lists are not drained when the zone is empty: an allocation fails a few frames early.
 */
import type { Geometry } from '../../hardware/geometry.ts';
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type FrameOwner, OWNER_KERNEL } from '../observer.ts';
import { PG_RESERVED, PG_WRITEBACK } from './folio.ts';

export const NO_PAGE = 0 as Pfn;

export const TAKEN_OFF = point('allocPage: frame handed out, reference not yet set');
export const NO_REFERENCE = point('freeUnrefPage: last reference gone, mapcount to be checked');
export const FLAGS_LEFT = point('freeUnrefPage: unmapped, flags to be cleared');

/** Linux: alloc_pages(GFP_KERNEL). A frame with one reference, its words not cleared; NO_PAGE if there is none. May reclaim. */
export function* allocPage(cpu: Cpu, owner: FrameOwner): Path<Pfn> {
  let pfn = yield* cpu.kernel.rmqueue(cpu);
  if (pfn === NO_PAGE && cpu.geometry.files > 0) pfn = yield* cpu.kernel.allocPagesSlowpath(cpu);
  if (pfn !== NO_PAGE) yield* cpu.kernel.prepNewPage(cpu, pfn, owner);
  return pfn;
}

/** Linux: rmqueue() and rmqueue_pcplist(): off this CPU's list, which is refilled from the zone when it is empty. */
export function* rmqueue(cpu: Cpu): Path<Pfn> {
  const { pcp } = cpu;
  const n = pcp.count.own(cpu.id);
  if (n === 0) return yield* cpu.kernel.rmqueueBulk(cpu);
  pcp.count.put(cpu.id, n - 1);
  return pcp.list.own(cpu.id, n - 1) as Pfn;
}

/** Linux: rmqueue_bulk(): a batch from the zone; the first frame is returned, the others go on this CPU's list. */
export function* rmqueueBulk(cpu: Cpu): Path<Pfn> {
  const lock = cpu.zone.lock.at(0);
  yield* cpu.kernel.spinLockIrqsave(cpu, lock);
  const pfn = yield* cpu.kernel.delPageFromFreeList(cpu);
  for (let n = 1; n < cpu.geometry.pcpBatch; n++) {
    const extra = yield* cpu.kernel.delPageFromFreeList(cpu);
    if (extra === NO_PAGE) break;
    pcpPut(cpu, extra);
  }
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock);
  return pfn;
}

/** Linux: del_page_from_free_list(): the frame freed last leaves the zone; NO_PAGE if there is none. Caller holds zone.lock. */
export function* delPageFromFreeList(cpu: Cpu): Path<Pfn> {
  const { zone } = cpu;
  const n = zone.nrFree.load(0);
  if (n === 0) return NO_PAGE;
  zone.nrFree.store(0, n - 1);
  return zone.free.load(0, n - 1) as Pfn;
}

/** Linux: prep_new_page(). From here on the frame has an owner; PFN walkers may take references as soon as it has one. */
export function* prepNewPage(cpu: Cpu, pfn: Pfn, owner: FrameOwner): Path<void> {
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
  if (cpu.pcp.count.own(cpu.id) > cpu.geometry.pcpHigh) yield* cpu.kernel.freePcppagesBulk(cpu);
}

/** Linux: free_pages_prepare(): a page that is freed has no mapping, is not locked, and forgets its flags. */
export function* freePagesPrepare(cpu: Cpu, pfn: Pfn): Path<void> {
  const { folio } = cpu;
  if (cpu.at(NO_REFERENCE, folio.mapcount.at(pfn))) yield;
  const mapcount = folio.mapcount.load(pfn);
  if (mapcount !== 0) cpu.bug(`folio 0x${pfn.toString(16)} freed with mapcount ${mapcount}`);
  if (cpu.at(FLAGS_LEFT, folio.flags.at(pfn))) yield;
  const flags = folio.flags.exchange(pfn, 0);
  if ((flags & (PG_RESERVED | PG_WRITEBACK)) !== 0) {
    cpu.bug(`folio 0x${pfn.toString(16)} freed with flags 0x${flags.toString(16)}`);
  }
}

/** Linux: free_pcppages_bulk(): the batch that lay longest on this CPU's list goes back to the zone. */
export function* freePcppagesBulk(cpu: Cpu): Path<void> {
  const { pcp } = cpu;
  const lock = cpu.zone.lock.at(0);
  yield* cpu.kernel.spinLockIrqsave(cpu, lock);
  // the task may run on another CPU than before the lock: whatever list is this CPU's now
  const { id } = cpu;
  const n = pcp.count.own(id);
  const moved = Math.min(cpu.geometry.pcpBatch, n);
  for (let i = 0; i < moved; i++) yield* cpu.kernel.freeOnePage(cpu, pcp.list.own(id, i) as Pfn);
  for (let i = moved; i < n; i++) pcp.list.put(id, pcp.list.own(id, i), i - moved);
  pcp.count.put(id, n - moved);
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock);
}

/** Linux: __free_one_page(): a frame goes back to the zone. Caller holds zone.lock, interrupts off. */
export function* freeOnePage(cpu: Cpu, pfn: Pfn): Path<void> {
  zonePut(cpu, pfn);
}

/** Linux: empty_zero_page. The last frame: mapped read-only for reads of untouched memory, never counted, never freed. */
export function zeroPfn(geometry: Geometry): Pfn {
  return (geometry.frames - 1) as Pfn;
}

/** Fills the zone's stack with every frame but 0 and the zero page, low frames on top. At boot: writes the bare image. */
export function bootAllocator(cpu: Cpu): void {
  const { zone, folio, geometry } = cpu;
  const { words } = cpu.mem;
  const zero = zeroPfn(geometry);
  let n = 0;
  for (let pfn = zero - 1; pfn > 0; pfn--) words[zone.free.at(0, n++)] = pfn;
  words[zone.nrFree.at(0)] = n;
  words[folio.refcount.at(zero)] = 1;
  words[folio.flags.at(zero)] = PG_RESERVED;
  cpu.observer?.frameHandedOut(cpu, zero, OWNER_KERNEL);
}

/** Linux: __add_to_free_list(), at the head. Caller holds zone.lock. */
export function zonePut(cpu: Cpu, pfn: Pfn): void {
  const { zone } = cpu;
  const n = zone.nrFree.load(0);
  zone.free.store(0, pfn, n);
  zone.nrFree.store(0, n + 1);
}

function pcpPut(cpu: Cpu, pfn: Pfn): void {
  const { pcp } = cpu;
  const n = pcp.count.own(cpu.id);
  if (n >= pcp.list.width) cpu.bug(`per-cpu list of cpu ${cpu.id} overflows with frame 0x${pfn.toString(16)}`);
  pcp.list.put(cpu.id, pfn, n);
  pcp.count.put(cpu.id, n + 1);
}
