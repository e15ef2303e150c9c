/**
 * Linux: mm/fadvise.c POSIX_FADV_DONTNEED and block/ioctl.c BLKFLSBUF: the page cache of a file is dropped as far as nobody uses it.
 * Nothing is promised: what is mapped, dirty, locked or held stays.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { PG_DIRTY, PG_WRITEBACK } from '../mm/folio.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import { EBADF, type FileId } from '../types.ts';
import { isCached } from './filemap.ts';
import { isFile, isMemoryFile } from './inode.ts';

export const EVICT_CHECK = point('mappingEvictFolio: folio locked, is it clean?');
export const EVICT_REFERENCES = point('mappingEvictFolio: clean, does anybody else hold it?');
export const THAWS = point('removeMappingThaw: out of the page cache, reference to be given back');

/** The whole file: what is dirty is written back and awaited, as BLKFLSBUF does. 0 or a negative errno. */
export function* sysFadviseDontneed(cpu: Cpu, file: number): Path<number> {
  const { kernel, geometry } = cpu;
  if (!isFile(cpu, file)) return EBADF;
  // no backing device to write to: nothing is done
  if (isMemoryFile(cpu, file)) return 0;
  yield* kernel.vfsFsyncRange(cpu, file, 0, geometry.filePages);
  yield* kernel.mappingTryInvalidate(cpu, file, 0, geometry.filePages);
  return 0;
}

/** Linux: mapping_try_invalidate() and find_lock_entries(), which passes over what is locked. Shadow entries stay here. */
export function* mappingTryInvalidate(cpu: Cpu, file: FileId, first: number, end: number): Path<void> {
  const { kernel } = cpu;
  for (let index = first; index < end; index++) {
    const folio = yield* kernel.filemapGetFolio(cpu, file, index);
    if (folio === NO_PAGE) continue;
    if (yield* kernel.folioTrylock(cpu, folio)) {
      if (isCached(cpu, folio, file, index)) yield* kernel.mappingEvictFolio(cpu, folio);
      yield* kernel.folioUnlock(cpu, folio);
    }
    yield* kernel.folioPut(cpu, folio);
  }
}

/** Linux: mapping_evict_folio(): whether it has left the page cache. Caller holds the folio lock and a reference. */
export function* mappingEvictFolio(cpu: Cpu, folio: Pfn): Path<boolean> {
  if (cpu.at(EVICT_CHECK, cpu.folio.flags.at(folio))) yield;
  if ((cpu.folio.flags.load(folio) & (PG_DIRTY | PG_WRITEBACK)) !== 0) return false;
  // a mapping is a reference, too
  if (cpu.at(EVICT_REFERENCES, cpu.folio.refcount.at(folio))) yield;
  if (cpu.folio.refcount.load(folio) > 2) return false;
  return yield* cpu.kernel.removeMappingThaw(cpu, folio);
}

/** Linux: remove_mapping(), which is __remove_mapping() and leaves the caller its reference. Caller holds the folio lock. */
export function* removeMappingThaw(cpu: Cpu, folio: Pfn): Path<boolean> {
  const { refcount } = cpu.folio;
  if (!(yield* cpu.kernel.removeMapping(cpu, folio))) return false;
  if (cpu.at(THAWS, refcount.at(folio))) yield;
  refcount.store(folio, 1);
  return true;
}
