/** LUF in the page allocator (v11): a frame keeps the generation that it owes while it is free, and its taker inherits it. */
import type { Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import type { NodeId } from '../kernel/types.ts';
import { type Path, point } from '../memory/point.ts';
import { checkLufFlush, ugenLatest } from './luf-coordinator.ts';
import { LUF_PAGE, LUF_TASK } from './luf-tables.ts';

export const KEEPS = point('luf freeUnrefPage: last reference gone, generation to be kept with the frame');
export const FROM_PCP = point('luf rmqueue: off the list of this CPU, generation to be read');
export const FROM_BUDDY = point('luf delPageFromFreeList: off the zone, generation to be read');
export const BUDDY_FORGETS = point('luf delPageFromFreeList: generation read, to be cleared');
export const CHANGES = point('luf freePagesPrepare: freed and to be zeroed, generation to be read');
export const PUTS = point('folioPutUgen: last reference to be dropped');

/** Linux: free_unref_page(page, order, ugen). A frame without references. */
export function* freeUnrefPageUgen(cpu: Cpu, pfn: Pfn, ugen: number): Path<void> {
  const page = cpu.wordsOf(LUF_PAGE);
  if (cpu.at(KEEPS, page.ugen.at(pfn))) yield;
  page.ugen.store(pfn, ugen);
  yield* MAINLINE.freeUnrefPage(cpu, pfn);
}

/** Linux: free_unref_page(page, order, 0): all other callers. */
export function* freeUnrefPage(cpu: Cpu, pfn: Pfn): Path<void> {
  yield* freeUnrefPageUgen(cpu, pfn, 0);
}

/**
 * Linux: folio_put_ugen(), for the old folio of a migration. A reference of somebody else makes it WARN and return: whoever
 * drops that one frees the frame without a generation.
 */
export function* folioPutUgen(cpu: Cpu, folio: Pfn, ugen: number): Path<void> {
  const { refcount } = cpu.folio;
  if (cpu.at(PUTS, refcount.at(folio))) yield;
  const former = refcount.add(folio, -1);
  if (former <= 0) cpu.bug(`folio 0x${folio.toString(16)} put with refcount ${former}`);
  if (former === 1) yield* freeUnrefPageUgen(cpu, folio, ugen);
}

/** Linux: update_task_ugen(). */
export function updateTaskUgen(cpu: Cpu, ugen: number): void {
  const task = cpu.wordsOf(LUF_TASK);
  task.ugen.put(cpu.current, ugenLatest(task.ugen.own(cpu.current), ugen));
}

/** Linux: __rmqueue_pcplist(). */
export function* rmqueue(cpu: Cpu, node: NodeId, mark: number): Path<Pfn> {
  if (cpu.pcp.count.own(cpu.id, node) === 0) return yield* cpu.kernel.rmqueueBulk(cpu, node, mark);
  const pfn = yield* MAINLINE.rmqueue(cpu, node, mark);
  const page = cpu.wordsOf(LUF_PAGE);
  if (cpu.at(FROM_PCP, page.ugen.at(pfn))) yield;
  updateTaskUgen(cpu, page.ugen.load(pfn));
  return pfn;
}

/**
 * Linux: __del_page_from_free_list(): whoever takes the frame off the zone inherits its debt, and the frame loses it. Caller
 * holds zone.lock.
 */
export function* delPageFromFreeList(cpu: Cpu, node: NodeId, pfn: Pfn): Path<void> {
  yield* MAINLINE.delPageFromFreeList(cpu, node, pfn);
  const page = cpu.wordsOf(LUF_PAGE);
  if (cpu.at(FROM_BUDDY, page.ugen.at(pfn))) yield;
  updateTaskUgen(cpu, page.ugen.load(pfn));
  if (cpu.at(BUDDY_FORGETS, page.ugen.at(pfn))) yield;
  page.ugen.store(pfn, 0);
}

/** Linux: free_pages_prepare() where the content of the page will change: check_luf_flush() of what it is freed with. */
export function* checkFlushPageUgen(cpu: Cpu, pfn: Pfn): Path<void> {
  const page = cpu.wordsOf(LUF_PAGE);
  if (cpu.at(CHANGES, page.ugen.at(pfn))) yield;
  yield* checkLufFlush(cpu, page.ugen.load(pfn));
}

/** Linux: check_flush_task_ugen(). */
export function* checkFlushTaskUgen(cpu: Cpu): Path<void> {
  const task = cpu.wordsOf(LUF_TASK);
  yield* checkLufFlush(cpu, task.ugen.own(cpu.current));
  task.ugen.put(cpu.current, 0);
}
