/**
 * Linux: mm/migrate.c: a list of folios moves to other frames. Asynchronously: all of them are unmapped, one flush, then
 * all are moved. Synchronously each entry is flushed when it is unmapped.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { filePage, isFile } from '../fs/inode.ts';
import {
  EBADF,
  FAST_NODE,
  type FileId,
  GFP_KERNEL,
  GFP_THISNODE,
  MIGRATE_ASYNC,
  type MigrateMode,
  NO_FILE,
  NO_SLOT,
  type NodeId,
} from '../types.ts';
import type { CompactControl } from './compaction.ts';
import { PG_DIRTY, PG_UPTODATE, PG_WRITEBACK } from './folio.ts';
import { NO_PAGE } from './page-alloc.ts';
import { isAnon } from './rmap.ts';
import { TTU_BATCH_FLUSH } from './try-to-unmap.ts';

export const BUSY_CHECK = point('migrateFolioUnmap: folio locked, is it being written out?');
export const REFS_CHECK = point('migrateFolio: does anybody else hold the folio?');
export const FREEZES = point('folioMigrateMapping: copied, xa_lock held, references to be frozen');
export const DIRTY_READ = point('folioMigrateMapping: references frozen, which marks has the folio?');
export const MARKS_MOVE = point('folioMigrateMapping: marks to be set on the new folio');
export const CACHE_REFERENCE = point('folioMigrateMapping: reference of the cache to be taken on the new folio');
export const SLOT_RETARGETS = point('folioMigrateMapping: slot to be given to the new folio');
export const UNFREEZES = point('folioMigrateMapping: slot given away, references of the old folio to be given back');

/** A folio that was unmapped and waits to be moved; both are locked. Lives as long as the call. */
export interface Move {
  readonly src: Pfn;
  readonly dst: Pfn;
  /** The page of the page cache, or NO_FILE: anonymous. */
  readonly file: FileId;
  readonly index: number;
  /** Of compaction, which takes the new frame back if the folio stays. */
  readonly cc?: CompactControl;
}

/** Linux: struct migration_target_control, and the mode: how the folios of a list move, and to which node. */
export interface Migration {
  readonly mode: MigrateMode;
  readonly node: NodeId;
  /** How the new frames are allocated. */
  readonly gfp: number;
  /** Of compaction: they are frames that its scanner has isolated. */
  readonly cc?: CompactControl;
}

/**
 * Migrates pages of a file to other frames, of the node if it is the slow one (move_pages(2)): how many moved, or a negative
 * errno.
 */
export function* migrateRange(
  cpu: Cpu,
  file: number,
  index: number,
  pages: number,
  mode: MigrateMode,
  node: NodeId = FAST_NODE,
): Path<number> {
  if (!isFile(cpu, file)) return EBADF;
  const how = onRequest(mode, node);
  const end = Math.min(index + pages, cpu.geometry.filePages);
  let moved = 0;
  for (let at = index; at < end; ) {
    const { folios, next } = yield* cpu.kernel.isolateRange(cpu, file, at, end);
    moved += yield* cpu.kernel.doMovePagesToNode(cpu, folios, how);
    at = next;
  }
  return moved;
}

/** To any frame, or, on request, to one of the slow node. */
export function onRequest(mode: MigrateMode, node: NodeId): Migration {
  return { mode, node, gfp: node === FAST_NODE ? GFP_KERNEL : GFP_KERNEL | GFP_THISNODE };
}

/** Linux: do_move_pages_to_node(): how many moved. The isolation of each folio ends, either way. */
export function* doMovePagesToNode(cpu: Cpu, folios: readonly Pfn[], how: Migration): Path<number> {
  const kept = yield* cpu.kernel.migratePagesBatch(cpu, folios, how);
  for (const folio of kept) yield* cpu.kernel.folioPutbackLru(cpu, folio);
  return folios.length - kept.length;
}

/** Linux: migrate_pages_batch(): those that stay where they are, isolated as before. The isolation of the others ends. */
export function* migratePagesBatch(cpu: Cpu, folios: readonly Pfn[], how: Migration): Path<Pfn[]> {
  const { kernel } = cpu;
  const moves: Move[] = [];
  const kept: Pfn[] = [];
  for (const src of folios) {
    const move = yield* kernel.migrateFolioUnmap(cpu, src, how);
    if (move !== undefined) moves.push(move);
    else kept.push(src);
  }
  yield* kernel.migrateUnmapDone(cpu, moves);
  for (const move of moves) if (!(yield* kernel.migrateFolioMove(cpu, move))) kept.push(move.src);
  return kept;
}

/** Linux: the try_to_unmap_flush() between unmapping the list and moving it. */
export function* migrateUnmapDone(cpu: Cpu, _moves: readonly Move[]): Path<void> {
  yield* cpu.kernel.tryToUnmapFlush(cpu);
}

/** Linux: migrate_folio_unmap(): undefined if the folio stays where it is. */
export function* migrateFolioUnmap(cpu: Cpu, src: Pfn, how: Migration): Path<Move | undefined> {
  const { kernel } = cpu;
  const { mode, cc } = how;
  const dst: Pfn = yield* kernel.getNewFolio(cpu, how);
  if (dst === NO_PAGE) return undefined;
  if (mode === MIGRATE_ASYNC) {
    if (!(yield* kernel.folioTrylock(cpu, src))) {
      yield* kernel.putNewFolio(cpu, dst, cc);
      return undefined;
    }
  } else yield* kernel.folioLock(cpu, src);
  const file = cpu.folio.mapping.load(src) as FileId;
  const index = cpu.folio.index.load(src);
  if (cpu.at(BUSY_CHECK, cpu.folio.flags.at(src))) yield;
  const busy = (cpu.folio.flags.load(src) & PG_WRITEBACK) !== 0;
  if ((file !== NO_FILE || isAnon(cpu, src)) && !busy && (yield* kernel.folioTrylock(cpu, dst))) {
    if (yield* kernel.folioMapped(cpu, src)) {
      yield* kernel.tryToMigrate(cpu, src, mode === MIGRATE_ASYNC ? TTU_BATCH_FLUSH : 0);
    }
    if (!(yield* kernel.folioMapped(cpu, src))) return { src, dst, file, index, cc };
    yield* kernel.removeMigrationPtes(cpu, src, src);
    yield* kernel.folioUnlock(cpu, dst);
  }
  yield* kernel.folioUnlock(cpu, src);
  yield* kernel.putNewFolio(cpu, dst, cc);
  return undefined;
}

/** Linux: migrate_folio_move(): the move itself; false, and the old folio still isolated, if somebody else holds it. */
export function* migrateFolioMove(cpu: Cpu, move: Move): Path<boolean> {
  const { kernel } = cpu;
  const { src, dst } = move;
  const moved = yield* kernel.migrateFolio(cpu, move);
  yield* kernel.removeMigrationPtes(cpu, src, moved ? dst : src);
  yield* kernel.folioUnlock(cpu, dst);
  if (moved) yield* kernel.folioAddLru(cpu, dst);
  yield* kernel.folioUnlock(cpu, src);
  if (!moved) {
    yield* kernel.putNewFolio(cpu, dst, move.cc);
    return false;
  }
  // the reference of whoever allocated it: the cache or the entries have their own now
  yield* kernel.folioPut(cpu, dst);
  yield* kernel.migrateFolioDone(cpu, src);
  return true;
}

/** Linux: migrate_folio_done(): the last reference of the old folio goes. */
export function* migrateFolioDone(cpu: Cpu, src: Pfn): Path<void> {
  yield* cpu.kernel.folioPut(cpu, src);
}

/** Linux: __migrate_folio(): copy, then the slot. False if references show another user. Caller holds both folio locks. */
export function* migrateFolio(cpu: Cpu, move: Move): Path<boolean> {
  const { src, dst } = move;
  if (cpu.at(REFS_CHECK, cpu.folio.refcount.at(src))) yield;
  // the caller's, and that of the page cache or the swap cache
  const cached = move.file !== NO_FILE || cpu.folio.swap.load(src) !== NO_SLOT;
  if (cpu.folio.refcount.load(src) !== (cached ? 2 : 1)) return false;
  yield* cpu.kernel.copyPage(cpu, src, dst);
  if (move.file === NO_FILE) return yield* cpu.kernel.folioMigrateAnonMapping(cpu, src, dst);
  return yield* cpu.kernel.folioMigrateMapping(cpu, move);
}

/** Linux: __folio_migrate_mapping() and folio_migrate_flags(), for a folio of the page cache. */
export function* folioMigrateMapping(cpu: Cpu, { src, dst, file, index }: Move): Path<boolean> {
  const { kernel, inode } = cpu;
  const { refcount, flags, mapping } = cpu.folio;
  const { slot } = cpu.pageCache;
  const row = filePage(cpu, file, index);
  const lock = inode.iPagesLock.at(file);
  yield* kernel.spinLockIrqsave(cpu, lock);
  if (cpu.at(FREEZES, refcount.at(src))) yield;
  const frozen = refcount.cas(src, 2, 0) === 2;
  if (frozen) {
    mapping.store(dst, file);
    cpu.folio.index.store(dst, index);
    if (cpu.at(CACHE_REFERENCE, refcount.at(dst))) yield;
    refcount.add(dst, 1);
    if (cpu.at(DIRTY_READ, flags.at(src))) yield;
    const marks = flags.and(src, ~PG_DIRTY) & (PG_DIRTY | PG_UPTODATE);
    if (cpu.at(MARKS_MOVE, flags.at(dst))) yield;
    flags.or(dst, marks);
    if (cpu.at(SLOT_RETARGETS, slot.at(row))) yield;
    cpu.observer?.slotChanges(cpu, file, index, src, dst);
    slot.store(row, dst);
    if (cpu.at(UNFREEZES, refcount.at(src))) yield;
    refcount.store(src, 1);
    mapping.store(src, 0);
    cpu.folio.index.store(src, 0);
  }
  yield* kernel.spinUnlockIrqrestore(cpu, lock);
  return frozen;
}
