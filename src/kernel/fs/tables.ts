/** The words of files: what Linux keeps in struct inode and struct address_space, and the block device below. */
import type { Geometry } from '../../hardware/geometry.ts';
import { table } from '../../memory/table.ts';
import type { FileId, FilePage } from '../types.ts';

/** Linux: struct inode and struct address_space. Each rwsem is followed by its owner, see locking/rwsem.ts. */
export const INODE = table<FileId, Geometry>()('inode', (g) => g.files + 1, {
  /** i_rwsem: write(2), truncate(2), fsync exclude each other. */
  iRwsem: 'shared',
  iRwsemOwner: { guardedBy: 'iRwsem' },
  /** invalidate_lock: page-cache filling (shared) against truncation (exclusive). */
  invalidateLock: 'shared',
  invalidateLockOwner: { guardedBy: 'invalidateLock' },
  /** i_mmap_rwsem: guards the list of VMAs that map the file. */
  iMmapRwsem: 'shared',
  iMmapRwsemOwner: { guardedBy: 'iMmapRwsem' },
  /** xa_lock of i_pages: slots change under it; look-ups go without. */
  iPagesLock: 'shared',
  /** i_size, in pages: changes under i_rwsem, is read without. */
  iSize: 'shared',
  /** Folios in the page cache. */
  nrpages: { guardedBy: 'iPagesLock' },
  /** i_mmap: VMAs that map the file, in the order in which they came. */
  nrMmap: { guardedBy: 'iMmapRwsem' },
  iMmap: { owner: { guardedBy: 'iMmapRwsem' }, width: (g: Geometry) => (g.files > 0 ? g.vmas : 1) },
});

/** Linux: i_pages. Row: a page of a file, see `FilePage`. */
export const PAGE_CACHE = table<FilePage, Geometry>()('pageCache', (g) => (g.files + 1) * g.filePages, {
  /** 0: empty; a frame; or a shadow entry, which is negative. */
  slot: 'shared',
});

/** The block device: the words of each page of each file. */
export const DISK = table<FilePage, Geometry>()('disk', (g) => (g.files + 1) * g.filePages, {
  /** Never touched: held while the device writes the page. */
  busy: 'shared',
  words: { owner: { guardedBy: 'busy' }, width: (g: Geometry) => g.wordsPerPage },
});
