/**
 * Linux: mm/truncate.c invalidate_inode_pages2_range(): every folio leaves the page cache, whoever holds it, because something newer
 * is to be read. Nothing keeps others from bringing pages in meanwhile; those come from the server, or from the device.
 */
import type { Pfn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import { ZAP_INVALIDATE } from '../mm/zap.ts';
import { EBUSY, type FileId } from '../types.ts';
import { deleteSlot, isCached } from './filemap.ts';
import { isRemote } from './inode.ts';

/**
 * Linux: invalidate_inode_pages2_range(), by default the whole file, as invalidate_inode_pages2(): 0, or EBUSY if some folio
 * stays. If one is mapped, the rest of the range is unmapped first, in one go and without its lock; under the lock it may have
 * to be unmapped again.
 */
export function* invalidateInodePages2(
  cpu: Cpu,
  file: FileId,
  first = 0,
  end: number = cpu.geometry.filePages,
): Path<number> {
  const { kernel } = cpu;
  let result = 0;
  let didRangeUnmap = false;
  for (let index = first; index < end; index++) {
    const folio = yield* kernel.filemapGetFolio(cpu, file, index);
    if (folio === NO_PAGE) continue;
    if (!didRangeUnmap && (yield* kernel.folioMapped(cpu, folio))) {
      yield* kernel.unmapMappingRange(cpu, file, index, end - index, ZAP_INVALIDATE);
      didRangeUnmap = true;
    }
    yield* kernel.folioLock(cpu, folio);
    if (isCached(cpu, folio, file, index)) {
      yield* kernel.folioWaitWriteback(cpu, folio);
      const error = yield* kernel.folioUnmapInvalidate(cpu, file, index, folio);
      if (error < 0) result = error;
    }
    yield* kernel.folioUnlock(cpu, folio);
    yield* kernel.folioPut(cpu, folio);
  }
  return result;
}

/**
 * Linux: folio_unmap_invalidate(): unmap, launder, take out of the cache. 0, or EBUSY if it is dirty all the same. How many
 * references there are does not matter. Caller holds the folio lock and a reference; the folio is in the cache.
 */
export function* folioUnmapInvalidate(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<number> {
  const { kernel, inode } = cpu;
  if (yield* kernel.folioMapped(cpu, folio)) {
    yield* kernel.unmapMappingRange(cpu, file, index, 1, ZAP_INVALIDATE);
    if (yield* kernel.folioMapped(cpu, folio)) cpu.bug(`folio 0x${folio.toString(16)} to be invalidated is mapped`);
  }
  const dirtied = yield* kernel.folioTestDirty(cpu, folio);
  // file systems on a disk have no ->launder_folio
  if (dirtied && isRemote(cpu, file)) yield* kernel.launderFolio(cpu, file, index, folio);
  const lock = inode.iPagesLock.at(file);
  yield* kernel.spinLockIrqsave(cpu, lock);
  const dirty = yield* kernel.folioTestDirty(cpu, folio);
  if (!dirty) yield* deleteSlot(cpu, file, index, folio, 0);
  yield* kernel.spinUnlockIrqrestore(cpu, lock);
  if (dirty) return EBUSY;
  yield* kernel.folioPut(cpu, folio);
  return 0;
}
