/**
 * Linux: fs/fuse/dev.c: what a daemon says of its files by writing to /dev/fuse. Of a notification nobody asked for, the words
 * are copied into the page cache, or what is cached is dropped; of the answer to a read ahead, pages may be moved there
 * (SPLICE_F_MOVE): the folio that waits for them is replaced.
 *
 * The daemon is a kernel thread marked `server`, and what it keeps of its files are the words of the disk. The answer to a read
 * is put together by who asks. Left out: pages moved out of the page cache of another file, and everything about local writes: the
 * file system is mounted read-only.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { PG_UPTODATE } from '../mm/folio.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import { OWNER_USER } from '../observer.ts';
import { ENOMEM, type FileId } from '../types.ts';
import { changeElsewhere } from './bio.ts';
import { folioSetLocked } from './folio-lock.ts';
import { filePage } from './inode.ts';

export const DAEMON_CHANGES = point('fuseDaemonWrite: word of the daemon to be changed');
export const STORES = point('fuseCopyFolio: folio locked, word to be copied in');
export const NEW_LOCKED = point('fuseTryMoveFolio: page of the daemon filled, to be locked');
export const NEW_REFERENCED = point('replacePageCacheFolio: reference of the cache on the new folio to be taken');
export const REPLACES = point('replacePageCacheFolio: xa_lock held, slot to lead to the new folio');
export const MOVED = point('fuseReadahead: folio replaced, to be marked up to date');

/** A word of the daemon's own changes, and it tells nobody: what is cached stays what it is. 0. */
export function* fuseDaemonWrite(cpu: Cpu, file: FileId, index: number, word: number, value: number): Path<number> {
  yield* changeElsewhere(cpu, DAEMON_CHANGES, { file, index, word, value });
  return 0;
}

/**
 * FUSE_NOTIFY_STORE of one word that the daemon has just changed. Linux: fuse_notify_store(). What is put into a folio that is not
 * up to date is read again with the rest of it. No routine of the address space is called, and no task has the file open for
 * writing. 0, or -ENOMEM: then the daemon's word has changed and nobody is told.
 */
export function* fuseNotifyStore(cpu: Cpu, file: FileId, index: number, word: number, value: number): Path<number> {
  const { kernel } = cpu;
  yield* kernel.fuseDaemonWrite(cpu, file, index, word, value);
  const folio: Pfn = yield* kernel.filemapGrabLocked(cpu, file, index);
  if (folio === NO_PAGE) return ENOMEM;
  yield* kernel.fuseCopyFolio(cpu, folio, word, value);
  yield* kernel.folioUnlock(cpu, folio);
  yield* kernel.folioPut(cpu, folio);
  return 0;
}

/** Linux: fuse_copy_folio(), one word, from what the daemon writes to /dev/fuse. Caller holds the folio lock. */
export function* fuseCopyFolio(cpu: Cpu, folio: Pfn, word: number, value: number): Path<void> {
  const { words } = cpu.hw.frame;
  if (cpu.at(STORES, words.at(folio, word))) yield;
  words.store(folio, value, word);
}

/** FUSE_NOTIFY_INVAL_INODE. Linux: fuse_reverse_inval_inode(): 0, or EBUSY if a page stays. */
export function* fuseReverseInvalInode(cpu: Cpu, file: FileId, first: number, pages: number): Path<number> {
  return yield* cpu.kernel.invalidateInodePages2(cpu, file, first, first + pages);
}

/** open(2) of a file whose daemon does not say FOPEN_KEEP_CACHE. Linux: fs/fuse/file.c fuse_finish_open(). 0. */
export function* fuseFinishOpen(cpu: Cpu, file: FileId): Path<number> {
  yield* cpu.kernel.invalidateInodePages2(cpu, file);
  return 0;
}

/**
 * Linux: fs/fuse/file.c fuse_readahead(), of one page that is not cached: the folio that is added for it is not the one that stays.
 * Caller holds invalidate_lock, shared.
 */
export function* fuseReadahead(cpu: Cpu, file: FileId, index: number): Path<void> {
  const { kernel } = cpu;
  const { folio, locked } = yield* kernel.filemapGrabFolio(cpu, file, index);
  if (folio === NO_PAGE) return;
  if (locked) {
    const moved: Pfn = yield* kernel.fuseTryMoveFolio(cpu, folio);
    // no page to be moved: the words are copied
    if (moved === NO_PAGE) yield* kernel.filemapReadFolio(cpu, file, index, folio);
    else yield* endRead(cpu, moved);
    yield* kernel.folioUnlock(cpu, folio);
  }
  yield* kernel.folioPut(cpu, folio);
}

/** Linux: folio_end_read(), and the last reference of the request. */
function* endRead(cpu: Cpu, folio: Pfn): Path<void> {
  if (cpu.at(MOVED, cpu.folio.flags.at(folio))) yield;
  cpu.folio.flags.or(folio, PG_UPTODATE);
  yield* cpu.kernel.folioUnlock(cpu, folio);
  yield* cpu.kernel.folioPut(cpu, folio);
}

/**
 * Linux: fuse_try_move_folio(): a page of the daemon, filled before it answers, takes the place of `old`. The new folio, locked, with a
 * reference; NO_PAGE if there is none. Caller holds the lock of `old`, which is in the page cache, and a reference.
 */
export function* fuseTryMoveFolio(cpu: Cpu, old: Pfn): Path<Pfn> {
  const { kernel } = cpu;
  const row = filePage(cpu, cpu.folio.mapping.load(old) as FileId, cpu.folio.index.load(old));
  const folio: Pfn = yield* kernel.allocPage(cpu, OWNER_USER);
  if (folio === NO_PAGE) return NO_PAGE;
  yield* kernel.submitBioRead(cpu, folio, cpu.disk, row);
  // pipe_buf_try_steal()
  yield* folioSetLocked(cpu, NEW_LOCKED, folio);
  yield* kernel.replacePageCacheFolio(cpu, old, folio);
  yield* kernel.folioAddLru(cpu, folio);
  return folio;
}

/**
 * Linux: mm/filemap.c replace_page_cache_folio(): `old` gives its slot, and the cache's reference, up. Caller holds both folio
 * locks.
 */
export function* replacePageCacheFolio(cpu: Cpu, old: Pfn, folio: Pfn): Path<void> {
  const { kernel, inode } = cpu;
  const { mapping, index: indexOf, refcount } = cpu.folio;
  const { slot } = cpu.pageCache;
  const file = mapping.load(old) as FileId;
  const index = indexOf.load(old);
  if (cpu.at(NEW_REFERENCED, refcount.at(folio))) yield;
  refcount.add(folio, 1);
  mapping.store(folio, file);
  indexOf.store(folio, index);
  yield* kernel.spinLockIrqsave(cpu, inode.iPagesLock.at(file));
  const row = filePage(cpu, file, index);
  if (cpu.at(REPLACES, slot.at(row))) yield;
  cpu.observer?.slotChanges(cpu, file, index, old, folio);
  slot.store(row, folio);
  mapping.store(old, 0);
  indexOf.store(old, 0);
  yield* kernel.spinUnlockIrqrestore(cpu, inode.iPagesLock.at(file));
  yield* kernel.folioPut(cpu, old);
}
