/**
 * Linux: mm/shmem.c, memory files: tmpfs, memfd_create(2), shared anonymous memory. No disk lies behind the page cache: each of its
 * slots holds a folio, or says where in swap the page lies, or is empty, and such a hole reads as zero. invalidate_lock is not
 * taken: a page that comes in is checked against the length once more when it is there. Left out: fallocate(), so that a folio
 * which is not locked is up to date; quotas and huge pages.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { isCached, swapEntryOf } from '../fs/filemap.ts';
import { iSizeRead } from '../fs/inode.ts';
import { OWNER_USER } from '../observer.ts';
import { EEXIST, EINVAL, ENOMEM, type FileId, NO_SLOT } from '../types.ts';
import { VM_FAULT_OOM, VM_FAULT_SIGBUS } from './fault.ts';
import { PG_UPTODATE } from './folio.ts';
import { NO_PAGE } from './page-alloc.ts';

export const SHMEM_SIZE = point('shmemGetFolio: is the page within the file?');
export const ZEROED = point('shmemGetFolio: new folio zeroed, to be marked up to date');
export const SHMEM_SIZE_RECHECK = point('shmemGetFolio: new folio up to date, is the page still within the file?');

/** Linux: enum sgp_type: reading finds no folio in a hole, the others create one; writing fills it itself, behind the end too. */
export const SGP_READ = 0;
export const SGP_CACHE = 1;
export const SGP_WRITE = 2;
export type SgpType = typeof SGP_READ | typeof SGP_CACHE | typeof SGP_WRITE;

/**
 * Linux: shmem_get_folio_gfp(): the folio, locked, with a reference; NO_PAGE for a hole; -EINVAL behind the end of the file, -ENOMEM.
 * For writing the caller holds i_rwsem.
 */
export function* shmemGetFolio(cpu: Cpu, file: FileId, index: number, sgp: SgpType): Path<number> {
  const { kernel } = cpu;
  for (;;) {
    if (sgp !== SGP_WRITE && index >= (yield* iSizeRead(cpu, file, SHMEM_SIZE))) return EINVAL;
    const entry = yield* kernel.filemapGetEntry(cpu, file, index);
    const slot = swapEntryOf(cpu, file, entry);
    if (slot !== NO_SLOT) {
      const found = yield* kernel.shmemSwapinFolio(cpu, file, index, slot);
      if (found !== EEXIST) return found;
    } else if (entry !== 0) {
      const folio = entry as Pfn;
      yield* kernel.folioLock(cpu, folio);
      // truncated or swapped out meanwhile?
      if (isCached(cpu, folio, file, index)) return folio;
      yield* kernel.folioUnlock(cpu, folio);
      yield* kernel.folioPut(cpu, folio);
    } else {
      const made = sgp === SGP_READ ? NO_PAGE : yield* kernel.shmemAllocAndAddFolio(cpu, file, index, sgp);
      if (made !== EEXIST) return made;
    }
  }
}

/**
 * Linux: shmem_alloc_and_add_folio() and what shmem_get_folio_gfp() does with its folio; -EEXIST if another task was faster.
 * Clean: it holds no more than the hole did.
 */
export function* shmemAllocAndAddFolio(cpu: Cpu, file: FileId, index: number, sgp: SgpType): Path<number> {
  const { kernel } = cpu;
  const folio: Pfn = yield* kernel.allocPage(cpu, OWNER_USER);
  if (folio === NO_PAGE) return ENOMEM;
  if (!(yield* kernel.filemapAddFolio(cpu, file, index, folio))) {
    yield* kernel.folioPut(cpu, folio);
    return EEXIST;
  }
  if (sgp === SGP_WRITE) return folio;
  yield* kernel.clearPage(cpu, folio, cpu.geometry.wordsPerPage);
  if (cpu.at(ZEROED, cpu.folio.flags.at(folio))) yield;
  cpu.folio.flags.or(folio, PG_UPTODATE);
  if (index < (yield* iSizeRead(cpu, file, SHMEM_SIZE_RECHECK))) return folio;
  yield* kernel.filemapRemoveFolio(cpu, file, index, folio);
  yield* kernel.folioUnlock(cpu, folio);
  yield* kernel.folioPut(cpu, folio);
  return EINVAL;
}

/** Linux: shmem_fault(): the folio, locked, with a reference, or the negative of VM_FAULT_SIGBUS or VM_FAULT_OOM. */
export function* shmemFault(cpu: Cpu, file: FileId, index: number): Path<number> {
  const found = yield* cpu.kernel.shmemGetFolio(cpu, file, index, SGP_CACHE);
  if (found >= 0) return found;
  return found === ENOMEM ? -VM_FAULT_OOM : -VM_FAULT_SIGBUS;
}
