/**
 * Linux: lib/test_hmm.c dmirror_migrate_to_device(), which stands for a driver with memory of its own, and mm/migrate_device.c
 * migrate_vma_pages(), migrate_vma_finalize(). Device memory is ordinary frames here, of the slow node if there is one,
 * so that CPUs go on using what has moved. As in Linux only anonymous memory moves; folios of files come back.
 */
import type { Pfn, Vpn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { OWNER_USER } from '../observer.ts';
import { EINVAL, FAST_NODE, INIT_MM, MIGRATE_SYNC, type MmId, NO_FILE, NO_SLOT, SLOW_NODE } from '../types.ts';
import { onRequest } from './migrate.ts';
import type { MigrateVma } from './migrate-vma.ts';
import { NO_PAGE } from './page-alloc.ts';
import { NO_VMA, vmaEnd, vmaLookup } from './vma-tree.ts';

/** Pages that move at a time. */
const DMIRROR_BATCH = 64;

/** A folio and the frame of the device to which its words were copied; NO_PAGE if there was none. */
export interface DeviceMove {
  readonly src: Pfn;
  readonly dst: Pfn;
  moved: boolean;
}

/** Moves the pages of the range of the running task. 0, or -EINVAL at a hole: what came before has moved. */
export function* dmirrorMigrateToDevice(cpu: Cpu, start: number, pages: number): Path<number> {
  const { kernel } = cpu;
  const mm = cpu.tasks.mm.load(cpu.current) as MmId;
  const end = Math.min(start + pages, cpu.geometry.pages);
  if (mm === INIT_MM) return EINVAL;
  let error = 0;
  yield* kernel.mmapReadLock(cpu, mm);
  for (let at = start; at < end && error === 0; ) {
    const vma = vmaLookup(cpu, mm, at as Vpn);
    if (vma === NO_VMA) error = EINVAL;
    else {
      const next = Math.min(end, at + DMIRROR_BATCH, vmaEnd(cpu, vma));
      const args: MigrateVma = { mm, vma, start: at, end: next, src: [] };
      yield* kernel.migrateVmaSetup(cpu, args);
      const moves = yield* kernel.dmirrorMigrateAllocAndCopy(cpu, args);
      yield* kernel.migrateVmaPages(cpu, moves);
      yield* kernel.migrateVmaFinalize(cpu, moves);
      at = next;
    }
  }
  yield* kernel.mmapReadUnlock(cpu, mm);
  return error;
}

/** Linux: dmirror_migrate_alloc_and_copy(): the device copies; the pages are unmapped and nobody else holds them. */
export function* dmirrorMigrateAllocAndCopy(cpu: Cpu, args: MigrateVma): Path<DeviceMove[]> {
  const moves: DeviceMove[] = [];
  for (const src of args.src) {
    const dst = yield* cpu.kernel.dmirrorDevmemAllocPage(cpu);
    if (dst !== NO_PAGE) yield* cpu.kernel.copyPage(cpu, src, dst);
    moves.push({ src, dst, moved: false });
  }
  return moves;
}

/** Linux: dmirror_devmem_alloc_page(): a frame of the device, locked, with one reference; or NO_PAGE. */
export function* dmirrorDevmemAllocPage(cpu: Cpu): Path<Pfn> {
  const { kernel } = cpu;
  const node = cpu.geometry.nodes > 1 ? SLOW_NODE : FAST_NODE;
  const dst = yield* kernel.allocPagesNode(cpu, OWNER_USER, node, onRequest(MIGRATE_SYNC, node).gfp);
  if (dst === NO_PAGE || (yield* kernel.folioTrylock(cpu, dst))) return dst;
  yield* kernel.folioPut(cpu, dst);
  return NO_PAGE;
}

/** Linux: migrate_vma_pages(): what the folio is passes to the frame of the device, unless somebody holds it by now. */
export function* migrateVmaPages(cpu: Cpu, moves: readonly DeviceMove[]): Path<void> {
  const { kernel, folio } = cpu;
  for (const move of moves) {
    const { src, dst } = move;
    if (dst === NO_PAGE || folio.mapping.load(src) !== NO_FILE) continue;
    if (folio.swap.load(src) !== NO_SLOT && !(yield* kernel.folioFreeSwap(cpu, src))) continue;
    move.moved = yield* kernel.folioMigrateAnonMapping(cpu, src, dst);
  }
}

/** Linux: migrate_vma_finalize(): the migration entries become entries of the new frame, or of the old one again. */
export function* migrateVmaFinalize(cpu: Cpu, moves: readonly DeviceMove[]): Path<void> {
  const { kernel } = cpu;
  for (const { src, dst, moved } of moves) {
    if (!moved && dst !== NO_PAGE) {
      yield* kernel.folioUnlock(cpu, dst);
      yield* kernel.folioPut(cpu, dst);
    }
    if (moved) yield* kernel.folioAddLru(cpu, dst);
    yield* kernel.removeMigrationPtes(cpu, src, moved ? dst : src);
    yield* kernel.folioUnlock(cpu, src);
    if (moved) {
      yield* kernel.folioPut(cpu, src);
      yield* kernel.folioUnlock(cpu, dst);
      yield* kernel.folioPut(cpu, dst);
    } else yield* kernel.folioPutbackLru(cpu, src);
  }
}
