/**
 * Linux: mm/migrate.c move_pages(), by page numbers of an address space: the folios that its entries map are isolated under
 * mmap_lock and the PTL, then reclaimed or moved with neither held. Reclaim stands for a scan of the LRU lists that comes by
 * these folios; the address only says which. Folios that others map, too, are taken as well.
 */
import { pteLoad, pteWord } from '../../hardware/pte.ts';
import type { Pfn, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { ESRCH, FAST_NODE, type MigrateMode, type MmId, type NodeId, type TaskId } from '../types.ts';
import { NO_MM } from './fork.ts';
import { onRequest } from './migrate.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex, tableWalk } from './pgtable.ts';
import { pteMapped, vmNormalPage } from './pte-prot.ts';
import { NO_VMA, vmaLookup } from './vma-tree.ts';

export const USERS_READ = point('mmgetNotZero: does the mm have users?');
export const USER_JOINS = point('mmgetNotZero: users seen, one more to be counted');
export const ENTRY_READ = point('folioWalkStart: PTL taken, entry to be read');

/** Reclaims what pages [from, from + pages) of the address space of `task` map: how many folios were freed, or a negative errno. */
export function* reclaimMmRange(cpu: Cpu, task: TaskId, from: number, pages: number): Path<number> {
  const mm = yield* cpu.kernel.getTaskMm(cpu, task);
  if (mm === NO_MM) return ESRCH;
  let freed = 0;
  const end = Math.min(from + pages, cpu.geometry.pages);
  for (let at = from; at < end; ) {
    const { folios, next } = yield* cpu.kernel.isolateMmRange(cpu, mm, at, end);
    freed += yield* cpu.kernel.shrinkFolioList(cpu, folios);
    at = next;
  }
  yield* cpu.kernel.mmput(cpu, mm);
  return freed;
}

/** Moves what they map to other frames: how many folios moved, or a negative errno. */
export function* migrateMmRange(
  cpu: Cpu,
  task: TaskId,
  from: number,
  pages: number,
  mode: MigrateMode,
  node: NodeId = FAST_NODE,
): Path<number> {
  const mm = yield* cpu.kernel.getTaskMm(cpu, task);
  if (mm === NO_MM) return ESRCH;
  let moved = 0;
  const end = Math.min(from + pages, cpu.geometry.pages);
  for (let at = from; at < end; ) {
    const { folios, next } = yield* cpu.kernel.isolateMmRange(cpu, mm, at, end);
    moved += yield* cpu.kernel.doMovePagesToNode(cpu, folios, onRequest(mode, node));
    at = next;
  }
  yield* cpu.kernel.mmput(cpu, mm);
  return moved;
}

/** Linux: get_task_mm(): the address space of the task with one more user, or NO_MM. */
export function* getTaskMm(cpu: Cpu, task: TaskId): Path<MmId> {
  const mm = cpu.tasks.mm.load(task) as MmId;
  return mm !== NO_MM && (yield* cpu.kernel.mmgetNotZero(cpu, mm)) ? mm : NO_MM;
}

/** Linux: mmget_not_zero(): one more user, unless the last one is gone. The caller keeps the row from being used again. */
export function* mmgetNotZero(cpu: Cpu, mm: MmId): Path<boolean> {
  const { users } = cpu.mm;
  if (cpu.at(USERS_READ, users.at(mm))) yield;
  for (let seen = users.load(mm); seen > 0; ) {
    if (cpu.at(USER_JOINS, users.at(mm))) yield;
    const found = users.cas(mm, seen, seen + 1);
    if (found === seen) return true;
    seen = found;
  }
  return false;
}

/** Linux: add_folio_for_migration(), until a batch is full; `next` is the first page not looked at. */
export function* isolateMmRange(cpu: Cpu, mm: MmId, first: number, end: number): Path<{ folios: Pfn[]; next: number }> {
  const folios: Pfn[] = [];
  let next = first;
  yield* cpu.kernel.mmapReadLock(cpu, mm);
  for (; next < end && folios.length < cpu.geometry.reclaimBatch; next++) {
    if (vmaLookup(cpu, mm, next) === NO_VMA) continue;
    const folio = yield* cpu.kernel.isolateMapped(cpu, mm, next as Vpn);
    if (folio !== NO_PAGE) folios.push(folio);
  }
  yield* cpu.kernel.mmapReadUnlock(cpu, mm);
  return { folios, next };
}

/**
 * Linux: folio_walk_start(), folio_isolate_lru(), folio_walk_end(): the folio that the entry maps, isolated, with a reference;
 * or NO_PAGE.
 */
export function* isolateMapped(cpu: Cpu, mm: MmId, vpn: Vpn): Path<Pfn> {
  const { kernel } = cpu;
  const pmd = yield* kernel.walkToPmd(cpu, tableWalk(cpu, mm), vpn);
  if (pmd === NO_PAGE) return NO_PAGE;
  const pte = yield* kernel.pteOffsetMapLock(cpu, pmd, vpn);
  if (pte === NO_PAGE) return NO_PAGE;
  const index = leafIndex(cpu.geometry, vpn);
  if (cpu.at(ENTRY_READ, pteWord(cpu, pte, index))) yield;
  const entry = pteLoad(cpu, pte, index);
  const page = pteMapped(entry) ? vmNormalPage(entry) : NO_PAGE;
  const isolated = page !== NO_PAGE && (yield* kernel.folioIsolateLru(cpu, page));
  if (isolated) yield* kernel.folioGet(cpu, page);
  yield* kernel.pteUnmapUnlock(cpu, pte);
  return isolated ? page : NO_PAGE;
}
