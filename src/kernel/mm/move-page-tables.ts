/**
 * Linux: mm/mremap.c move_page_tables(), move_ptes(), move_normal_pmd(). The old range is flushed before either page-table
 * lock is dropped: once the new place can be reached by others, the page lives or dies there (commit eb66ae030829).
 */
import { pteIndex } from '../../hardware/geometry.ts';
import {
  PTE_NONE,
  pteExchange,
  pteLoad,
  pteLoadHigh,
  ptePfn,
  ptePresent,
  pteStore,
  pteWord,
} from '../../hardware/pte.ts';
import type { Pfn, PteHi, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type MmId, VM_UFFD_WP } from '../types.ts';
import type { VmaPrepare } from './i-mmap.ts';
import { NO_PAGE } from './page-alloc.ts';
import { clearTableEntry, entrySpan, leafIndex, pmdAddrEnd, pmdLevel, pmdSize, tableWalk } from './pgtable.ts';
import { pteNone, TABLE_BITS } from './pte-prot.ts';
import { PTE_SOFT_DIRTY, PTE_UFFD_WP } from './pte-tracking.ts';
import { vmaFlags, vmaLookup } from './vma-tree.ts';

export const OLD_NEXT = point('movePtes: next old pte to be read');
export const OLD_FOUND = point('movePtes: old pte found');
export const OLD_TAKEN = point('movePtes: old pte cleared, flush owed, new one to be set');
export const PMDS_LOCKED = point('moveNormalPmd: both pmd locks taken, is there a table?');
export const TARGET_CHECK = point('moveNormalPmd: old table found, is the target empty?');
export const PMD_FOUND = point('moveNormalPmd: target empty, old pmd entry to be cleared');
export const PMD_TAKEN = point('moveNormalPmd: old pmd entry cleared, flush owed, new one to be set');

/**
 * Moves `pages` pages; returns how many were done before memory ran out. Caller holds mmap_lock for writing, VMAs marked.
 * `rmap`: whose rwsems keep walks to the entries off meanwhile (take_rmap_locks()), or NO_RMAP.
 */
export function* movePageTables(
  cpu: Cpu,
  mm: MmId,
  from: number,
  to: number,
  pages: number,
  rmap: VmaPrepare,
): Path<number> {
  const g = cpu.geometry;
  const oldWalk = tableWalk(cpu, mm);
  const newWalk = tableWalk(cpu, mm);
  // vma_has_uffd_without_event_remap(): each entry forgets the write protection
  const registered = (vmaFlags(cpu, vmaLookup(cpu, mm, from)) & VM_UFFD_WP) !== 0;
  for (let done = 0; done < pages; ) {
    const at = from + done;
    const pmd = yield* cpu.kernel.walkToPmd(cpu, oldWalk, at as Vpn);
    if (pmd === NO_PAGE) {
      done = Math.min(pages, oldWalk.holeEnd - from);
      continue;
    }
    const target = (to + done) as Vpn;
    const newPmd = yield* cpu.kernel.walkToPmdAlloc(cpu, newWalk, target);
    if (newPmd === NO_PAGE) return done;
    // the extent ends where the old or the new pte table ends
    const extent = Math.min(pmdAddrEnd(g, at, from + pages) - at, pmdAddrEnd(g, target, target + pages) - target);
    const whole = extent === pmdSize(g) && pmdLevel(g) >= 0 && !registered;
    if (!whole || !(yield* cpu.kernel.moveNormalPmd(cpu, mm, pmd, newPmd, at as Vpn, target, rmap))) {
      if (!(yield* cpu.kernel.pteAlloc(cpu, mm, newPmd, pmdLevel(g), target))) return done;
      yield* cpu.kernel.movePtes(cpu, mm, pmd, newPmd, at, target, Math.min(extent, pages - done), rmap);
    }
    done += extent;
  }
  return pages;
}

/** Linux: move_ptes(). Both tables are stable: mmap_lock is held for writing and the VMAs are marked. */
export function* movePtes(
  cpu: Cpu,
  mm: MmId,
  oldPmd: Pfn,
  newPmd: Pfn,
  from: number,
  to: number,
  pages: number,
  rmap: VmaPrepare,
): Path<void> {
  const { kernel } = cpu;
  yield* kernel.vmaPrepare(cpu, rmap);
  const oldPte = yield* kernel.pteOffsetMapLock(cpu, oldPmd, from as Vpn);
  if (oldPte === NO_PAGE) {
    yield* kernel.vmaComplete(cpu, rmap, [], []);
    return;
  }
  const newPte = yield* kernel.pteOffsetMap(cpu, newPmd, to as Vpn);
  if (newPte === NO_PAGE) cpu.bug(`mm ${mm}: no table for page 0x${to.toString(16)} just after pteAlloc`);
  const nested = newPte !== oldPte;
  if (nested) yield* kernel.spinLock(cpu, cpu.folio.ptl.at(newPte));
  yield* kernel.flushTlbBatchedPending(cpu, mm);
  let forceFlush = false;
  for (let i = 0; i < pages; i++) {
    const moved = yield* kernel.movePte(cpu, oldPte, (from + i) as Vpn, newPte, (to + i) as Vpn);
    if (ptePresent(moved)) forceFlush = true;
  }
  if (forceFlush) yield* kernel.flushTlbRange(cpu, mm, from, from + pages);
  if (nested) yield* kernel.spinUnlock(cpu, cpu.folio.ptl.at(newPte));
  yield* kernel.pteUnmap(cpu);
  yield* kernel.pteUnmapUnlock(cpu, oldPte);
  yield* kernel.vmaComplete(cpu, rmap, [], []);
}

/**
 * Linux: the loop body of move_ptes(), and move_soft_dirty_pte(): the entry that has moved, as it was; or PTE_NONE. Caller
 * holds both PTLs.
 */
export function* movePte(cpu: Cpu, oldPte: Pfn, from: Vpn, newPte: Pfn, to: Vpn): Path<PteLo> {
  const index = leafIndex(cpu.geometry, from);
  const target = leafIndex(cpu.geometry, to);
  if (cpu.at(OLD_NEXT, pteWord(cpu, oldPte, index))) yield;
  if (pteNone(pteLoad(cpu, oldPte, index))) return PTE_NONE;
  const hi: PteHi = pteLoadHigh(cpu, oldPte, index);
  if (cpu.at(OLD_FOUND, pteWord(cpu, oldPte, index))) yield;
  const entry = pteExchange(cpu, oldPte, index, PTE_NONE);
  if (cpu.at(OLD_TAKEN, pteWord(cpu, newPte, target))) yield;
  // a page that moves counts as written to
  pteStore(cpu, newPte, target, ((entry & ~PTE_UFFD_WP) | PTE_SOFT_DIRTY) as PteLo, hi);
  return entry;
}

/** Linux: move_normal_pmd(): hangs a whole pte table from one place to another. False if there is none or the target has one. */
export function* moveNormalPmd(
  cpu: Cpu,
  mm: MmId,
  oldPmd: Pfn,
  newPmd: Pfn,
  from: Vpn,
  to: Vpn,
  rmap: VmaPrepare,
): Path<boolean> {
  const g = cpu.geometry;
  const level = pmdLevel(g);
  const index = pteIndex(g, from, level);
  const target = pteIndex(g, to, level);
  const nested = newPmd !== oldPmd;
  yield* cpu.kernel.vmaPrepare(cpu, rmap);
  yield* cpu.kernel.spinLock(cpu, cpu.folio.ptl.at(oldPmd));
  if (nested) yield* cpu.kernel.spinLock(cpu, cpu.folio.ptl.at(newPmd));
  if (cpu.at(PMDS_LOCKED, pteWord(cpu, oldPmd, index))) yield;
  const entry = pteLoad(cpu, oldPmd, index);
  let moves = ptePresent(entry);
  if (moves) {
    if (cpu.at(TARGET_CHECK, pteWord(cpu, newPmd, target))) yield;
    moves = !ptePresent(pteLoad(cpu, newPmd, target));
  }
  if (moves) {
    const table = ptePfn(entry);
    if (cpu.at(PMD_FOUND, pteWord(cpu, oldPmd, index))) yield;
    clearTableEntry(cpu, oldPmd, index, table);
    if (cpu.at(PMD_TAKEN, pteWord(cpu, newPmd, target))) yield;
    cpu.observer?.tableLinked(cpu, mm, table, level + 1, to);
    pteStore(cpu, newPmd, target, ((table << 12) | TABLE_BITS) as PteLo, 0 as PteHi);
    yield* cpu.kernel.flushTlbRange(cpu, mm, from, from + entrySpan(g, level));
  }
  if (nested) yield* cpu.kernel.spinUnlock(cpu, cpu.folio.ptl.at(newPmd));
  yield* cpu.kernel.spinUnlock(cpu, cpu.folio.ptl.at(oldPmd));
  yield* cpu.kernel.vmaComplete(cpu, rmap, [], []);
  return moves;
}
