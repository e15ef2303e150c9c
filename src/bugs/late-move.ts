/**
 * Linux: move_page_tables() as it was from 2012 to 2018: what move_ptes() has not flushed under its locks is flushed once, at
 * the end.
 */
import type { Cpu } from '../kernel/cpu.ts';
import { type Kernel, MAINLINE } from '../kernel/kernel.ts';
import type { VmaPrepare } from '../kernel/mm/i-mmap.ts';
import type { MmId } from '../kernel/types.ts';
import type { Path } from '../memory/point.ts';

/** Caller holds mmap_lock for writing: it keeps faults and DONTNEED off, but not reclaim, truncation or page cleaning. */
export const flushedAtTheEnd: Pick<Kernel, 'movePageTables'> = {
  *movePageTables(cpu: Cpu, mm: MmId, from: number, to: number, pages: number, rmap: VmaPrepare): Path<number> {
    const moved = yield* MAINLINE.movePageTables(cpu, mm, from, to, pages, rmap);
    if (moved > 0) yield* cpu.kernel.flushTlbRange(cpu, mm, from, from + moved);
    return moved;
  },
};
