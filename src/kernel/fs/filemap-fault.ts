/**
 * Linux: mm/filemap.c filemap_fault() and filemap_read(): the folio of a page of a file, up to date, for a mapping or for
 * read(2).
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { VM_FAULT_OOM, VM_FAULT_SIGBUS } from '../mm/fault.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import type { FileId } from '../types.ts';
import { isCached } from './filemap.ts';
import { iSizeRead, isFuse } from './inode.ts';

export const SIZE_CHECK = point('filemapFault: is the page within the file?');
export const SIZE_RECHECK = point('filemapFault: folio locked and up to date, is it still within the file?');

/**
 * The folio, locked, up to date, with a reference; or the negative of VM_FAULT_SIGBUS (behind the end of the file) or
 * VM_FAULT_OOM. Linux may drop the lock of the mapping while it waits and have the fault repeated; here it is kept.
 */
export function* filemapFault(cpu: Cpu, file: FileId, index: number): Path<number> {
  const { kernel } = cpu;
  for (;;) {
    if (index >= (yield* iSizeRead(cpu, file, SIZE_CHECK))) return -VM_FAULT_SIGBUS;
    let folio: Pfn = yield* kernel.filemapGetFolio(cpu, file, index);
    if (folio === NO_PAGE) {
      folio = yield* kernel.filemapFillFolio(cpu, file, index);
      if (folio === NO_PAGE) return -VM_FAULT_OOM;
    }
    yield* kernel.folioLock(cpu, folio);
    const valid = isCached(cpu, folio, file, index) && (yield* kernel.folioTestUptodate(cpu, folio));
    if (valid) {
      if (index < (yield* iSizeRead(cpu, file, SIZE_RECHECK))) return folio;
      yield* kernel.folioUnlock(cpu, folio);
      yield* kernel.folioPut(cpu, folio);
      return -VM_FAULT_SIGBUS;
    }
    const incomplete = isCached(cpu, folio, file, index);
    yield* kernel.folioUnlock(cpu, folio);
    yield* kernel.folioPut(cpu, folio);
    if (!incomplete) continue;
    const read = yield* kernel.filemapFillFolio(cpu, file, index);
    if (read === NO_PAGE) return -VM_FAULT_OOM;
    yield* kernel.folioPut(cpu, read);
  }
}

/**
 * Linux: the miss of filemap_fault(), filemap_create_folio(), and filemap_update_page(), which tries again if the folio has left the
 * cache: under invalidate_lock, shared, the folio is created if need be and read from disk; of FUSE, ahead of that by a request of
 * its own. With a reference, not locked; NO_PAGE when out of memory.
 */
export function* filemapFillFolio(cpu: Cpu, file: FileId, index: number): Path<Pfn> {
  const { kernel } = cpu;
  yield* kernel.filemapInvalidateLockShared(cpu, file);
  if (isFuse(cpu, file)) yield* kernel.fuseReadahead(cpu, file, index);
  const folio: Pfn = yield* kernel.filemapGrabLocked(cpu, file, index);
  if (folio !== NO_PAGE) {
    if (!(yield* kernel.folioTestUptodate(cpu, folio))) yield* kernel.filemapReadFolio(cpu, file, index, folio);
    yield* kernel.folioUnlock(cpu, folio);
  }
  yield* kernel.filemapInvalidateUnlockShared(cpu, file);
  return folio;
}
