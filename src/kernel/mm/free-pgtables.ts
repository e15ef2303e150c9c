/** Linux: mm/memory.c free_pgtables() and free_pgd_range(): unhooks the tables that no VMA needs any more, bottom-up. */
import { pteIndex } from '../../hardware/geometry.ts';
import { pteLoad, ptePfn, ptePresent, pteWord } from '../../hardware/pte.ts';
import type { Pfn, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { MmuGather } from './mmu-gather.ts';
import { clearTableEntry, entrySpan } from './pgtable.ts';
import type { UnmapRange } from './zap.ts';

export const ENTRY_NEXT = point('freePgtables: next upper entry to be read');
export const TABLE_UNUSED = point('freePgtables: table no longer needed, upper entry to be cleared');

/** What is freed: tables around [start, end) that lie wholly in [floor, ceiling), where no other VMA is. */
export interface TableHole {
  readonly start: number;
  readonly end: number;
  readonly floor: number;
  readonly ceiling: number;
}

/** Linux: free_pgtables(): around each unmapped range, up to the VMAs that stay or are still to come. */
export function* freePgtables(
  cpu: Cpu,
  tlb: MmuGather,
  ranges: readonly UnmapRange[],
  floor: number,
  ceiling: number,
): Path<void> {
  yield* cpu.kernel.tlbFreeVmas(cpu, tlb);
  for (let i = 0; i < ranges.length; i++) {
    const next = i + 1 < ranges.length ? ranges[i + 1].start : ceiling;
    const { vma, start, end } = ranges[i];
    yield* cpu.kernel.unlinkAnonVmas(cpu, vma);
    yield* cpu.kernel.unlinkFileVma(cpu, vma);
    yield* cpu.kernel.freePgdRange(cpu, tlb, { start, end, floor, ceiling: next });
  }
}

/**
 * Linux: free_pgd_range(). Caller holds mmap_lock, and every VMA of the hole is detached, so that nobody can put anything
 * there. No lock of a table is taken: only hardware and lockless walkers can still be inside.
 */
export function* freePgdRange(cpu: Cpu, tlb: MmuGather, hole: TableHole): Path<void> {
  yield* freeTablesBelow(cpu, tlb, cpu.mm.pgd.load(tlb.mm) as Pfn, 0, hole);
}

/** Linux: free_p4d_range() to free_pte_range(): frees what hangs below `table`, a table of `level`. */
function* freeTablesBelow(cpu: Cpu, tlb: MmuGather, table: Pfn, level: number, hole: TableHole): Path<void> {
  const g = cpu.geometry;
  if (level === g.levelBits.length - 1) return;
  const span = entrySpan(g, level);
  for (let base = hole.start - (hole.start % span); base < hole.end; base += span) {
    const index = pteIndex(g, base as Vpn, level);
    if (cpu.at(ENTRY_NEXT, pteWord(cpu, table, index))) yield;
    const entry = pteLoad(cpu, table, index);
    if (!ptePresent(entry)) continue;
    const start = Math.max(hole.start, base);
    const end = Math.min(hole.end, base + span);
    const below = { start, end, floor: hole.floor, ceiling: hole.ceiling };
    yield* freeTablesBelow(cpu, tlb, ptePfn(entry), level + 1, below);
    if (base < hole.floor || base + span > hole.ceiling) continue;
    if (cpu.at(TABLE_UNUSED, pteWord(cpu, table, index))) yield;
    clearTableEntry(cpu, table, index, ptePfn(entry));
    yield* cpu.kernel.tlbRemoveTable(cpu, tlb, ptePfn(entry), base);
  }
}
