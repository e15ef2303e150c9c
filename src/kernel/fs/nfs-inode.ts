/**
 * Linux: fs/nfs/inode.c, of a server whose change attribute only ever grows (NFS4_CHANGE_TYPE_IS_MONOTONIC_INCR): what the
 * client knows of the file, and the page cache that is dropped when that is old. Each answer of the server is one look at its
 * attribute. A write of this client's own is told from those of others by the attribute before it (weak cache consistency).
 *
 * Left out: delegations, time limits of attributes, the rule that spares the cache while this client has the file open for
 * writing (no task here says for what it opens), changes of the length. read(2), write(2) and mmap(2), which would drop a cache
 * marked old, leave that to the next open or lock.
 */
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { FileId } from '../types.ts';
import { hasPages } from './inode.ts';

export const GETATTR = point('nfsRevalidateInode: server to be asked for its change attribute');
export const WRITE_ANSWERS = point('nfsWritebackDone: words at the server, its change attribute to be raised');
export const INVALIDATING = point('nfsClearInvalidMapping: does another task drop the page cache?');
export const INVALIDATING_SEEN = point('nfsClearInvalidMapping: another task drops the page cache');
export const INVALIDATING_RECHECK = point(
  'nfsClearInvalidMapping: i_lock held, does another task drop the page cache?',
);
export const INVALIDATING_SETS = point('nfsClearInvalidMapping: cache is old, to be marked as being dropped');
export const INVALIDATED = point('nfsClearInvalidMapping: cache dropped, mark to be cleared');

/** Of an answer that does not tell what the attribute was before. */
const NOT_TOLD = -1;

/** Linux: __nfs_revalidate_inode(): GETATTR. */
export function* nfsRevalidateInode(cpu: Cpu, file: FileId): Path<void> {
  const { changeAttr } = cpu.nfsServer;
  if (cpu.at(GETATTR, changeAttr.at(file))) yield;
  yield* cpu.kernel.nfsRefreshInode(cpu, file, changeAttr.load(file), NOT_TOLD);
}

/**
 * Linux: fs/nfs/write.c nfs_writeback_done(): the answer to a WRITE, whose words the server has. The folio is in writeback
 * still.
 */
export function* nfsWritebackDone(cpu: Cpu, file: FileId): Path<void> {
  const { changeAttr } = cpu.nfsServer;
  if (cpu.at(WRITE_ANSWERS, changeAttr.at(file))) yield;
  const before = changeAttr.add(file, 1);
  yield* cpu.kernel.nfsRefreshInode(cpu, file, before + 1, before);
}

/**
 * Linux: nfs_refresh_inode(), nfs_update_inode() and nfs_wcc_update_inode(): an answer that is no newer than what is known says
 * nothing. One behind this client's own write, with nothing in between, leaves the cache as good as it was.
 */
export function* nfsRefreshInode(cpu: Cpu, file: FileId, change: number, before: number): Path<void> {
  const { iLock, changeAttr } = cpu.nfsInode;
  yield* cpu.kernel.spinLock(cpu, iLock.at(file));
  const known = changeAttr.load(file);
  if (change > known) {
    changeAttr.store(file, change);
    if (known !== before) yield* cpu.kernel.nfsSetCacheInvalid(cpu, file);
  }
  yield* cpu.kernel.spinUnlock(cpu, iLock.at(file));
}

/** Linux: nfs_set_cache_invalid(inode, NFS_INO_INVALID_DATA): an empty page cache is never old. Caller holds i_lock. */
export function* nfsSetCacheInvalid(cpu: Cpu, file: FileId): Path<void> {
  if (yield* hasPages(cpu, file)) cpu.nfsInode.invalidData.store(file, 1);
}

/** Linux: nfs_zap_caches(): whatever is cached counts as old. */
export function* nfsZapCaches(cpu: Cpu, file: FileId): Path<void> {
  const lock = cpu.nfsInode.iLock.at(file);
  yield* cpu.kernel.spinLock(cpu, lock);
  yield* cpu.kernel.nfsSetCacheInvalid(cpu, file);
  yield* cpu.kernel.spinUnlock(cpu, lock);
}

/** Linux: nfs_revalidate_mapping(), where the attributes must be asked for: 0, or EBUSY if a page stays. Caller holds no lock. */
export function* nfsRevalidateMapping(cpu: Cpu, file: FileId): Path<number> {
  yield* cpu.kernel.nfsRevalidateInode(cpu, file);
  return yield* cpu.kernel.nfsClearInvalidMapping(cpu, file);
}

/**
 * Linux: nfs_clear_invalid_mapping(): the mark is cleared first, so that one set meanwhile is not lost; who comes while the
 * cache is dropped waits until it is.
 */
export function* nfsClearInvalidMapping(cpu: Cpu, file: FileId): Path<number> {
  const { kernel } = cpu;
  const { iLock, invalidData, invalidating } = cpu.nfsInode;
  for (;;) {
    yield* waitOnInvalidating(cpu, file);
    yield* kernel.spinLock(cpu, iLock.at(file));
    if (cpu.at(INVALIDATING_RECHECK, invalidating.at(file))) yield;
    const busy = invalidating.load(file) !== 0;
    if (!busy && invalidData.load(file) !== 0) break;
    yield* kernel.spinUnlock(cpu, iLock.at(file));
    if (!busy) return 0;
  }
  if (cpu.at(INVALIDATING_SETS, invalidating.at(file))) yield;
  invalidating.store(file, 1);
  invalidData.store(file, 0);
  yield* kernel.spinUnlock(cpu, iLock.at(file));
  const result = yield* kernel.nfsInvalidateMapping(cpu, file);
  if (cpu.at(INVALIDATED, invalidating.at(file))) yield;
  invalidating.store(file, 0);
  return result;
}

/** Linux: nfs_invalidate_mapping(): what is dirty goes to the server, then everything goes; an empty cache is left alone. */
export function* nfsInvalidateMapping(cpu: Cpu, file: FileId): Path<number> {
  const { kernel } = cpu;
  if (!(yield* hasPages(cpu, file))) return 0;
  yield* kernel.vfsFsyncRange(cpu, file, 0, cpu.geometry.filePages);
  return yield* kernel.invalidateInodePages2(cpu, file);
}

/** Linux: wait_on_bit(NFS_INO_INVALIDATING). Caller holds no spinlock. */
function* waitOnInvalidating(cpu: Cpu, file: FileId): Path<void> {
  const { invalidating } = cpu.nfsInode;
  const word = invalidating.at(file);
  for (;;) {
    if (cpu.at(INVALIDATING, word)) yield;
    const seen = invalidating.load(file);
    if (seen === 0) return;
    if (yield* cpu.kernel.pollBegin(cpu)) {
      yield cpu.waitWhile(INVALIDATING_SEEN, word, seen);
      yield* cpu.kernel.pollEnd(cpu);
    } else yield* cpu.kernel.pollYield(cpu);
  }
}
