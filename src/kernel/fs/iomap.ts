/**
 * Linux: fs/iomap/buffered-io.c: the buffered write of file systems that have no ->write_begin, XFS among them, and since 6.6 of
 * block devices. To the page cache the same happens in the same order as in generic_perform_write(), but no routine of
 * the address space is called on the way. iomap_page_mkwrite() is what doPageMkwrite() is: folio lock, dirty mark, writeback awaited.
 *
 * A block is a page here, so that a page not up to date is read as a whole. Left out: the recheck that the mapping of blocks is
 * still valid, for no blocks are mapped here.
 */
import type { Pfn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import { ENOMEM, type FileId } from '../types.ts';
import { copyIn } from './read-write.ts';

/**
 * Linux: iomap_file_buffered_write() and iomap_write_iter(), one page. Caller holds i_rwsem, for reading if it is a block
 * device.
 */
export function* iomapFileBufferedWrite(
  cpu: Cpu,
  file: FileId,
  index: number,
  word: number,
  value: number,
): Path<number> {
  const folio = yield* cpu.kernel.iomapWriteBegin(cpu, file, index);
  if (folio === NO_PAGE) return ENOMEM;
  yield* copyIn(cpu, file, index, folio, word, value);
  yield* cpu.kernel.iomapWriteEnd(cpu, file, index, folio);
  return 0;
}

/** Linux: iomap_write_begin(): NO_PAGE when out of memory. */
export function* iomapWriteBegin(cpu: Cpu, file: FileId, index: number): Path<Pfn> {
  return yield* cpu.kernel.folioToWrite(cpu, file, index);
}

/** Linux: iomap_write_end(), then the length, then __iomap_put_folio(): the order of generic_write_end(). */
export function* iomapWriteEnd(cpu: Cpu, file: FileId, index: number, folio: Pfn): Path<void> {
  yield* cpu.kernel.writeEnd(cpu, file, index, folio);
}
