/**
 * Linux: mm/migrate_device.c migrate_vma_setup(): the pages of a range are collected, locked and unmapped. The entries of the caller's
 * own mapping are replaced while the range is walked, and flushed before the PTL is dropped, for nobody who finds a
 * migration entry flushes (commit 60bae7370896); those of other mappings afterwards, one by one. Holes are not filled.
 */
import { PTE_D, PTE_NONE, pteExchange, pteLoad, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type MmId, NO_FILE, NO_SLOT, type VmaId } from '../types.ts';
import { NO_PAGE } from './page-alloc.ts';
import { leafIndex, pmdAddrEnd, tableWalk } from './pgtable.ts';
import { pteMapped, vmNormalPage } from './pte-prot.ts';
import { isAnon } from './rmap.ts';

export const PTE_NEXT = point('migrateVmaCollectPte: next pte to be read');
export const UNHOOKS = point('migrateVmaCollectPte: folio locked, pte to be cleared, flush owed');
export const REFS_CHECK = point('migrateVmaCheckPage: folio unmapped, who holds it?');

/** Linux: struct migrate_vma: the part of a VMA whose pages move. Lives as long as the operation. */
export interface MigrateVma {
  readonly mm: MmId;
  readonly vma: VmaId;
  readonly start: number;
  readonly end: number;
  /** The folios that were collected: locked, each with one reference. */
  src: Pfn[];
}

/** Caller holds mmap_lock for reading. The folios in `src` are unmapped, isolated and locked afterwards. */
export function* migrateVmaSetup(cpu: Cpu, args: MigrateVma): Path<void> {
  yield* cpu.kernel.migrateVmaCollect(cpu, args);
  yield* cpu.kernel.migrateDeviceUnmap(cpu, args);
}

/** Linux: migrate_vma_collect(), table by table. */
export function* migrateVmaCollect(cpu: Cpu, args: MigrateVma): Path<void> {
  const walk = tableWalk(cpu, args.mm);
  for (let at = args.start; at < args.end; ) {
    const pmd = yield* cpu.kernel.walkToPmd(cpu, walk, at as Vpn);
    if (pmd === NO_PAGE) {
      at = walk.holeEnd;
      continue;
    }
    const next = pmdAddrEnd(cpu.geometry, at, args.end);
    yield* cpu.kernel.migrateVmaCollectPmd(cpu, args, pmd, at, next);
    at = next;
  }
}

/** Linux: migrate_vma_collect_pmd(): one pte table under one hold of its PTL, with one flush for what was replaced. */
export function* migrateVmaCollectPmd(cpu: Cpu, args: MigrateVma, pmd: Pfn, start: number, end: number): Path<void> {
  const { kernel } = cpu;
  const pte = yield* kernel.pteOffsetMapLock(cpu, pmd, start as Vpn);
  if (pte === NO_PAGE) return;
  let unmapped = false;
  for (let at = start; at < end; at++) {
    if (yield* kernel.migrateVmaCollectPte(cpu, args, pte, at as Vpn)) unmapped = true;
  }
  if (unmapped) yield* kernel.flushTlbRange(cpu, args.mm, start, end);
  yield* kernel.pteUnmapUnlock(cpu, pte);
}

/**
 * Linux: the loop body: whether the entry was replaced. Only a folio that can be locked at once and found by its mappings; that is
 * looked up here under its lock, in Linux before. An exclusive page is flushed at once, so that nobody pins it meanwhile.
 */
export function* migrateVmaCollectPte(cpu: Cpu, args: MigrateVma, pte: Pfn, vpn: Vpn): Path<boolean> {
  const { kernel } = cpu;
  const index = leafIndex(cpu.geometry, vpn);
  if (cpu.at(PTE_NEXT, pteWord(cpu, pte, index))) yield;
  const seen = pteLoad(cpu, pte, index);
  const folio = pteMapped(seen) ? vmNormalPage(seen) : NO_PAGE;
  if (folio === NO_PAGE) return false;
  yield* kernel.folioGet(cpu, folio);
  const locked = yield* kernel.folioTrylock(cpu, folio);
  if (!locked || (cpu.folio.mapping.load(folio) === NO_FILE && !isAnon(cpu, folio))) {
    if (locked) yield* kernel.folioUnlock(cpu, folio);
    yield* kernel.folioPut(cpu, folio);
    return false;
  }
  const exclusive = yield* kernel.pageAnonExclusive(cpu, folio);
  let old: PteLo;
  if (exclusive) {
    old = yield* kernel.ptepClearFlush(cpu, { mm: args.mm, vma: args.vma, vpn }, pte);
    yield* kernel.folioTryShareAnonRmapPte(cpu, folio);
  } else {
    if (cpu.at(UNHOOKS, pteWord(cpu, pte, index))) yield;
    old = pteExchange(cpu, pte, index, PTE_NONE);
  }
  if ((old & PTE_D) !== 0) yield* kernel.folioMarkDirty(cpu, folio);
  yield* kernel.setMigrationPte(cpu, folio, pte, vpn, old, exclusive);
  args.src.push(folio);
  return true;
}

/** Linux: migrate_device_unmap(): isolates, unmaps elsewhere, and lets go of those that somebody else has or holds. */
export function* migrateDeviceUnmap(cpu: Cpu, args: MigrateVma): Path<void> {
  const { kernel } = cpu;
  const restore: Pfn[] = [];
  const src: Pfn[] = [];
  for (const folio of args.src) {
    // the reference of the collection stands for the isolation
    if (!(yield* kernel.folioIsolateLru(cpu, folio))) {
      restore.push(folio);
      continue;
    }
    if (yield* kernel.folioMapped(cpu, folio)) yield* kernel.tryToMigrate(cpu, folio, 0);
    if ((yield* kernel.folioMapped(cpu, folio)) || !(yield* kernel.migrateVmaCheckPage(cpu, folio))) {
      yield* kernel.folioAddLru(cpu, folio);
      restore.push(folio);
    } else src.push(folio);
  }
  for (const folio of restore) {
    yield* kernel.removeMigrationPtes(cpu, folio, folio);
    yield* kernel.folioUnlock(cpu, folio);
    yield* kernel.folioPut(cpu, folio);
  }
  args.src = src;
}

/** Linux: migrate_vma_check_page(), of an unmapped folio: false if references show another user. Caller holds its lock. */
export function* migrateVmaCheckPage(cpu: Cpu, folio: Pfn): Path<boolean> {
  const { refcount, mapping, swap } = cpu.folio;
  const cached = mapping.load(folio) !== NO_FILE || swap.load(folio) !== NO_SLOT;
  if (cpu.at(REFS_CHECK, refcount.at(folio))) yield;
  return refcount.load(folio) <= (cached ? 2 : 1);
}
