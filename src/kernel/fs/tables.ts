/**
 * The words of files: what Linux keeps in struct inode, struct nfs_inode and struct address_space, and the block device or file
 * server below.
 */
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
  /**
   * 1: the file is a server's, other clients of which write to it, too; 2: it is one of a FUSE file system, whose daemon
   * changes it.
   */
  remote: 'once',
  /** 1: a memory file (shmem, tmpfs): what it holds is nowhere but in its folios and in swap; 2: of those, one without a name. */
  memory: 'once',
  /** Linux f_count, of a nameless memory file: the VMAs that map it. It ends with the last one. */
  fCount: 'shared',
  /** 1: the file is a block device; 1: its file system writes by iomap. */
  blockdev: 'once',
  iomap: 'once',
  /** i_dio_count: direct writes under way. */
  dioCount: 'shared',
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
  /** 0: empty; a frame; or a shadow entry, which is negative; of a memory file a swap entry instead: see `swapEntryOf`. */
  slot: 'shared',
});

/** Linux: struct nfs_inode, and i_lock of its inode: what this client knows of a remote file. */
export const NFS_INODE = table<FileId, Geometry>()('nfsInode', (g) => g.files + 1, {
  iLock: 'shared',
  /** i_version: the change attribute that the server gave last. */
  changeAttr: { guardedBy: 'iLock' },
  /** NFS_INO_INVALID_DATA of cache_validity: the page cache is older than that. */
  invalidData: { guardedBy: 'iLock' },
  /** NFS_INO_INVALIDATING of flags: some task drops the page cache now. */
  invalidating: 'shared',
});

/** What the server of a remote file keeps beside its words, which are those of `DISK`. */
export const NFS_SERVER = table<FileId, Geometry>()('nfsServer', (g) => g.files + 1, {
  /** Raised behind each write of any client. */
  changeAttr: 'shared',
});

/** The block device, or the server's copy of a remote file: the words of each page of each file. */
export const DISK = table<FilePage, Geometry>()('disk', (g) => (g.files + 1) * g.filePages, {
  /** Never touched: held while the machine writes the page back. */
  busy: 'shared',
  words: { owner: { guardedBy: 'busy' }, width: (g: Geometry) => g.wordsPerPage },
});
