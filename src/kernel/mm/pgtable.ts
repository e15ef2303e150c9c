/**
 * Linux: include/linux/pgtable.h, mm/memory.c (__pte_alloc and its kin) and mm/pgtable-generic.c. Page tables as a tree of
 * any depth: level 0 is the root, the last level holds the leaf entries ("pte table"), the one above it is called pmd.
 * Tables above the pte tables only go away under freePgtables, when no VMA is near; pte tables also by ptReclaim, which is
 * why a pte table is only used under its lock, after the pmd entry was checked again, or under RCU.
 */
import { type Geometry, pteIndex } from '../../hardware/geometry.ts';
import { PTE_NONE, pteLoad, ptePfn, ptePresent, pteStore, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteHi, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { OWNER_TABLE } from '../observer.ts';
import { rcuReadLock } from '../rcu/rcu.ts';
import type { MmId } from '../types.ts';
import { NO_PAGE } from './page-alloc.ts';
import { TABLE_BITS } from './pte-prot.ts';

export const UPPER_NEXT = point('pgtable: next upper entry to be read');
export const PMD_NEXT = point('pteOffsetMap: pmd entry to be read');
export const PTL_TAKEN = point('pteOffsetMapLock: PTL taken, pmd entry to be rechecked');
export const TABLE_MISSING = point('pteAlloc: is the table there?');
export const TABLE_RECHECK = point('pteAlloc: table prepared, upper lock taken, entry to be rechecked');
export const TABLE_POPULATES = point('pteAlloc: table prepared, entry still empty');

const NO_HIGH = 0 as PteHi;

/** Level of the tables whose entries point to pte tables; -1 if the root is the only level. */
export function pmdLevel(g: Geometry): number {
  return g.levelBits.length - 2;
}
/** Pages that one entry of a table of `level` covers. */
export function entrySpan(g: Geometry, level: number): number {
  return (1 << g.levelShift[level]) >>> 0;
}
/** Pages under one pte table (Linux: PMD_SIZE). */
export function pmdSize(g: Geometry): number {
  return 1 << g.levelBits[g.levelBits.length - 1];
}
/** Linux: pmd_addr_end(): the end of the pte table around `vpn`, or `end` if that comes first. */
export function pmdAddrEnd(g: Geometry, vpn: number, end: number): number {
  const size = pmdSize(g);
  return Math.min(end, vpn - (vpn % size) + size);
}

/** Where a walk over a range stands: upper entries already read are not read again. Lives as long as the operation. */
export interface TableWalk {
  readonly mm: MmId;
  /** Frame of the table of each level on the way to `at`; valid up to `known`. */
  readonly tables: Pfn[];
  known: number;
  at: number;
  /** First page behind the hole, when a walk found one. */
  holeEnd: number;
}

export function tableWalk(cpu: Cpu, mm: MmId): TableWalk {
  return { mm, tables: [cpu.mm.pgd.load(mm) as Pfn], known: 0, at: 0, holeEnd: 0 };
}

/** Linux: pgd_offset() to pmd_offset(): the table that holds the pmd entry of `vpn`; NO_PAGE at a hole up to `walk.holeEnd`. */
export function* walkToPmd(cpu: Cpu, walk: TableWalk, vpn: Vpn): Path<Pfn> {
  const g = cpu.geometry;
  for (let level = resume(g, walk, vpn); level < pmdLevel(g); level++) {
    const table = walk.tables[level];
    const index = pteIndex(g, vpn, level);
    if (cpu.at(UPPER_NEXT, pteWord(cpu, table, index))) yield;
    const entry = pteLoad(cpu, table, index);
    if (!ptePresent(entry)) {
      const span = entrySpan(g, level);
      walk.holeEnd = vpn - (vpn % span) + span;
      return NO_PAGE;
    }
    walk.tables[level + 1] = ptePfn(entry);
    walk.known = level + 1;
  }
  return walk.tables[walk.known];
}

/** Linux: p4d_alloc(), pud_alloc(), pmd_alloc(): as walkToPmd, but missing tables are created; NO_PAGE when out of memory. */
export function* walkToPmdAlloc(cpu: Cpu, walk: TableWalk, vpn: Vpn): Path<Pfn> {
  const g = cpu.geometry;
  for (let level = resume(g, walk, vpn); level < pmdLevel(g); level++) {
    const table = walk.tables[level];
    if (!(yield* cpu.kernel.pteAlloc(cpu, walk.mm, table, level, vpn))) return NO_PAGE;
    const index = pteIndex(g, vpn, level);
    if (cpu.at(UPPER_NEXT, pteWord(cpu, table, index))) yield;
    walk.tables[level + 1] = ptePfn(pteLoad(cpu, table, index));
    walk.known = level + 1;
  }
  return walk.tables[walk.known];
}

/**
 * Linux: pte_alloc() and __pte_alloc() (and, above, __pmd_alloc()): makes the entry of `vpn` in `upper`, a table of
 * `level`, point to a table. False when out of memory.
 */
export function* pteAlloc(cpu: Cpu, mm: MmId, upper: Pfn, level: number, vpn: Vpn): Path<boolean> {
  const g = cpu.geometry;
  if (level < 0) return true;
  const index = pteIndex(g, vpn, level);
  const word = pteWord(cpu, upper, index);
  if (cpu.at(TABLE_MISSING, word)) yield;
  if (ptePresent(pteLoad(cpu, upper, index))) return true;
  const table = yield* cpu.kernel.allocPage(cpu, OWNER_TABLE);
  if (table === NO_PAGE) return false;
  yield* cpu.kernel.clearTable(cpu, table, 1 << g.levelBits[level + 1]);
  const lock = cpu.folio.ptl.at(upper);
  yield* cpu.kernel.spinLock(cpu, lock);
  if (cpu.at(TABLE_RECHECK, word)) yield;
  const missing = !ptePresent(pteLoad(cpu, upper, index));
  if (missing) {
    if (cpu.at(TABLE_POPULATES, word)) yield;
    const span = entrySpan(g, level);
    cpu.observer?.tableLinked(cpu, mm, table, level + 1, (vpn - (vpn % span)) as Vpn);
    pteStore(cpu, upper, index, ((table << 12) | TABLE_BITS) as PteLo, NO_HIGH);
  }
  yield* cpu.kernel.spinUnlock(cpu, lock);
  // another fault was faster
  if (!missing) yield* cpu.kernel.freePage(cpu, table);
  return true;
}

/**
 * Linux: pte_offset_map_rw_nolock(): the pte table under the pmd entry of `vpn`, or NO_PAGE. The caller is inside an RCU
 * read section until pteUnmap if a table is returned; what it reads there without the PTL must be rechecked.
 */
export function* pteOffsetMap(cpu: Cpu, pmd: Pfn, vpn: Vpn): Path<Pfn> {
  const level = pmdLevel(cpu.geometry);
  rcuReadLock(cpu);
  if (level < 0) return pmd;
  const index = pteIndex(cpu.geometry, vpn, level);
  if (cpu.at(PMD_NEXT, pteWord(cpu, pmd, index))) yield;
  const entry = pteLoad(cpu, pmd, index);
  if (ptePresent(entry)) return ptePfn(entry);
  yield* cpu.kernel.rcuReadUnlock(cpu);
  return NO_PAGE;
}

/** Linux: pte_unmap(). */
export function* pteUnmap(cpu: Cpu): Path<void> {
  yield* cpu.kernel.rcuReadUnlock(cpu);
}

/**
 * Linux: pte_offset_map_lock(): as pteOffsetMap, with the PTL held and the pmd entry found unchanged under it. NO_PAGE if
 * the table is gone: the caller starts over or finds nothing to do. Ends with pteUnmapUnlock.
 */
export function* pteOffsetMapLock(cpu: Cpu, pmd: Pfn, vpn: Vpn): Path<Pfn> {
  const level = pmdLevel(cpu.geometry);
  for (;;) {
    const pte = yield* cpu.kernel.pteOffsetMap(cpu, pmd, vpn);
    if (pte === NO_PAGE) return NO_PAGE;
    yield* cpu.kernel.spinLock(cpu, cpu.folio.ptl.at(pte));
    if (level < 0) return pte;
    const index = pteIndex(cpu.geometry, vpn, level);
    if (cpu.at(PTL_TAKEN, pteWord(cpu, pmd, index))) yield;
    const now = pteLoad(cpu, pmd, index);
    if (ptePresent(now) && ptePfn(now) === pte) return pte;
    yield* cpu.kernel.pteUnmapUnlock(cpu, pte);
  }
}

/** Linux: pte_unmap_unlock(). */
export function* pteUnmapUnlock(cpu: Cpu, pte: Pfn): Path<void> {
  yield* cpu.kernel.spinUnlock(cpu, cpu.folio.ptl.at(pte));
  yield* cpu.kernel.rcuReadUnlock(cpu);
}

/** Linux: pmd_clear() and its kin: the table under `index` of `upper` cannot be reached any more by new walks. */
export function clearTableEntry(cpu: Cpu, upper: Pfn, index: number, table: Pfn): void {
  cpu.observer?.tableUnlinked(cpu, -1 as MmId, table);
  pteStore(cpu, upper, index, PTE_NONE, NO_HIGH);
}

/** Index of the leaf entry of `vpn` in its pte table. */
export function leafIndex(g: Geometry, vpn: Vpn): number {
  return pteIndex(g, vpn, g.levelBits.length - 1);
}

/** The deepest level of which the walk already knows the table for `vpn`. */
function resume(g: Geometry, walk: TableWalk, vpn: Vpn): number {
  let level = 0;
  while (level < walk.known && vpn >>> g.levelShift[level] === walk.at >>> g.levelShift[level]) level++;
  walk.known = level;
  walk.at = vpn;
  return level;
}
