/**
 * Linux: fs/proc/task_mmu.c pagemap_read(), reduced to PM_SOFT_DIRTY and PM_UFFD_WP: which pages have been written to since
 * the last clear, and which have not since they were write-protected.
 */
import { pteLoad, pteWord } from '../../hardware/pte.ts';
import type { Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import { leafIndex, tableWalk } from '../mm/pgtable.ts';
import { pteNone } from '../mm/pte-prot.ts';
import { PTE_SOFT_DIRTY, PTE_UFFD_WP } from '../mm/pte-tracking.ts';
import { NO_VMA, vmaFlags, vmaLookup } from '../mm/vma-tree.ts';
import { EINVAL, INIT_MM, type MmId, VM_SOFTDIRTY } from '../types.ts';

export const ENTRY_READ = point('pteToPagemapEntry: PTL taken, entry to be read');

/** Pages that one read tells of. */
export const PAGEMAP_PAGES = 15;
export const PM_SOFT_DIRTY = 1;
export const PM_UFFD_WP = 1 << PAGEMAP_PAGES;

/** PM_SOFT_DIRTY << i and PM_UFFD_WP << i for the i-th page, or a negative errno. */
export function* pagemapRead(cpu: Cpu, start: Vpn, pages: number): Path<number> {
  const { kernel, geometry } = cpu;
  const mm = cpu.tasks.mm.load(cpu.current) as MmId;
  if (mm === INIT_MM || pages > PAGEMAP_PAGES || start + pages > geometry.pages) return EINVAL;
  let found = 0;
  yield* kernel.mmapReadLock(cpu, mm);
  for (let i = 0; i < pages; i++) found |= (yield* kernel.pteToPagemapEntry(cpu, mm, (start + i) as Vpn)) << i;
  yield* kernel.mmapReadUnlock(cpu, mm);
  return found;
}

/**
 * Linux: pte_to_pagemap_entry() and pagemap_pte_hole(). Caller holds mmap_lock for reading. Restated: the PTL is taken page by
 * page.
 */
export function* pteToPagemapEntry(cpu: Cpu, mm: MmId, vpn: Vpn): Path<number> {
  const { kernel } = cpu;
  const vma = vmaLookup(cpu, mm, vpn);
  if (vma === NO_VMA) return 0;
  const pmd = yield* kernel.walkToPmd(cpu, tableWalk(cpu, mm), vpn);
  const pte = pmd === NO_PAGE ? NO_PAGE : yield* kernel.pteOffsetMapLock(cpu, pmd, vpn);
  let found = (vmaFlags(cpu, vma) & VM_SOFTDIRTY) !== 0 ? PM_SOFT_DIRTY : 0;
  if (pte !== NO_PAGE) {
    const index = leafIndex(cpu.geometry, vpn);
    if (cpu.at(ENTRY_READ, pteWord(cpu, pte, index))) yield;
    const entry = pteLoad(cpu, pte, index);
    if (!pteNone(entry)) {
      if ((entry & PTE_SOFT_DIRTY) !== 0) found |= PM_SOFT_DIRTY;
      if ((entry & PTE_UFFD_WP) !== 0) found |= PM_UFFD_WP;
    }
  }
  cpu.observer?.writesReported(cpu, vpn, (found & PM_SOFT_DIRTY) !== 0, (found & PM_UFFD_WP) === 0);
  if (pte !== NO_PAGE) yield* kernel.pteUnmapUnlock(cpu, pte);
  return found;
}
