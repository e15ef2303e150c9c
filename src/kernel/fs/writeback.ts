/**
 * Linux: mm/page-writeback.c, fs/sync.c: dirty folios and their way to disk. Before the words are taken, every mapping is
 * made clean and read-only, so that a later store faults and marks the folio dirty again.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { PG_DIRTY } from '../mm/folio.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import { EBADF, type FileId, NO_FILE } from '../types.ts';
import { isCached } from './filemap.ts';
import { filePage, iSizeRead, isFile, isMemoryFile, isRemote } from './inode.ts';

export const BECOMES_DIRTY = point('folioMarkDirty: folio to be marked dirty');
export const DIRTY_CHECK = point('folioTestDirty: is the folio dirty?');
export const BECOMES_CLEAN = point('folioClearDirtyForIo: mappings clean, folio to be marked clean');
export const SYNC_SIZE = point('vfsFsyncRange: how long is the file?');

/** Linux: folio_mark_dirty(). Caller holds the folio lock, or the PTL of an entry that maps the folio. */
export function* folioMarkDirty(cpu: Cpu, folio: Pfn): Path<void> {
  if (cpu.at(BECOMES_DIRTY, cpu.folio.flags.at(folio))) yield;
  cpu.folio.flags.or(folio, PG_DIRTY);
}

/** Linux: folio_test_dirty(). */
export function* folioTestDirty(cpu: Cpu, folio: Pfn): Path<boolean> {
  if (cpu.at(DIRTY_CHECK, cpu.folio.flags.at(folio))) yield;
  return (cpu.folio.flags.load(folio) & PG_DIRTY) !== 0;
}

/** Linux: folio_clear_dirty_for_io(): whether the folio was dirty. Caller holds the folio lock. */
export function* folioClearDirtyForIo(cpu: Cpu, folio: Pfn): Path<boolean> {
  // of a file that is written back: a PTE that was dirty says the folio is, even if nobody has told it yet
  const file = cpu.folio.mapping.load(folio) as FileId;
  if (file !== NO_FILE && !isMemoryFile(cpu, file) && (yield* cpu.kernel.folioMkclean(cpu, folio)))
    yield* cpu.kernel.folioMarkDirty(cpu, folio);
  if (cpu.at(BECOMES_CLEAN, cpu.folio.flags.at(folio))) yield;
  return (cpu.folio.flags.and(folio, ~PG_DIRTY) & PG_DIRTY) !== 0;
}

/**
 * Linux: the I/O of ->writepages: caller has taken the dirty mark and holds the folio lock, which is dropped while the device
 * works.
 */
export function* writeFolio(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<void> {
  yield* cpu.kernel.folioStartWriteback(cpu, folio);
  yield* cpu.kernel.folioUnlock(cpu, folio);
  yield* cpu.kernel.finishWriteback(cpu, file, index, folio);
}

/** The words go out; a server answers before the folio is out of writeback. The folio is in writeback, locked or not. */
export function* finishWriteback(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<void> {
  const { kernel } = cpu;
  yield* kernel.submitBioWrite(cpu, folio, cpu.disk, filePage(cpu, file, index));
  if (isRemote(cpu, file)) yield* kernel.nfsWritebackDone(cpu, file);
  yield* kernel.folioEndWriteback(cpu, folio);
}

/** fsync(2): the whole file. 0 or a negative errno. */
export function* sysFsync(cpu: Cpu, file: number): Path<number> {
  if (!isFile(cpu, file)) return EBADF;
  yield* cpu.kernel.vfsFsyncRange(cpu, file, 0, cpu.geometry.filePages);
  return 0;
}

/**
 * Linux: vfs_fsync_range(), by file_write_and_wait_range(): pages [from, to) of the file, as far as it reaches; noop_fsync() of
 * a memory file.
 */
export function* vfsFsyncRange(cpu: Cpu, file: FileId, from: number, to: number): Path<void> {
  if (isMemoryFile(cpu, file)) return;
  const pages = yield* iSizeRead(cpu, file, SYNC_SIZE);
  for (let index = from; index < Math.min(pages, to); index++) yield* cpu.kernel.writebackPage(cpu, file, index);
}

/** Linux: the body of writeback_iter() with WB_SYNC_ALL, one page: written if it is dirty, awaited if it is being written. */
export function* writebackPage(cpu: Cpu, file: FileId, index: number): Path<void> {
  const { kernel } = cpu;
  const folio = yield* kernel.filemapGetFolio(cpu, file, index);
  if (folio === NO_PAGE) return;
  yield* kernel.folioLock(cpu, folio);
  yield* kernel.folioWaitWriteback(cpu, folio);
  const dirty = isCached(cpu, folio, file, index) && (yield* kernel.folioClearDirtyForIo(cpu, folio));
  if (dirty) yield* kernel.writeFolio(cpu, file, index, folio);
  else yield* kernel.folioUnlock(cpu, folio);
  yield* kernel.folioPut(cpu, folio);
}
