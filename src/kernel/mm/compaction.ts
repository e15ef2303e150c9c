/**
 * Linux: mm/compaction.c: folios of a node move from its lowest frames to its highest. One scanner goes up and isolates folios
 * (compaction-source.ts), one goes down and takes free frames off the zone for them (compaction-target.ts); where they meet, it is done.
 * What compact_memory goes without is left out: skip hints, fast searches, frames captured for an allocation that waits; so is the
 * throttle for many folios isolated at a time. A pageblock has as many frames as are isolated at once.
 */
import type { Pfn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { GFP_KERNEL, GFP_THISNODE, type MigrateMode, type NodeId } from '../types.ts';
import { framesOf } from './isolate-lru.ts';
import type { Migration } from './migrate.ts';

/** Linux: struct compact_control. Lives as long as the call. */
export interface CompactControl {
  readonly node: NodeId;
  readonly mode: MigrateMode;
  /** First frame of the node, and the one behind its last. */
  readonly start: number;
  readonly end: number;
  /** Where the lower scanner goes on, and the upper one. */
  migratePfn: number;
  freePfn: number;
  /** Frames off the zone that no folio has got yet: without reference and owner. */
  readonly freepages: Pfn[];
  /** Folios isolated that have got no frame yet. */
  nrMigratepages: number;
  /** -ENOMEM: a folio got none. */
  outOfFrames: boolean;
}

/** Linux: compact_node(), what /proc/sys/vm/compact_memory does with each node: how many folios moved. Caller holds no lock. */
export function* compactNode(cpu: Cpu, node: NodeId, mode: MigrateMode): Path<number> {
  const { first: start, frames } = framesOf(cpu, node);
  const end = start + frames;
  const freePfn = pageblockStart(cpu, end - 1);
  const scanners = { migratePfn: start, freePfn };
  const cc = { node, mode, start, end, ...scanners, freepages: [], nrMigratepages: 0, outOfFrames: false };
  return yield* cpu.kernel.compactZone(cpu, cc);
}

/** Linux: compact_zone(): how many folios moved. Frames that none of them needed go back to the zone in the end. */
export function* compactZone(cpu: Cpu, cc: CompactControl): Path<number> {
  const { kernel } = cpu;
  const how: Migration = { mode: cc.mode, node: cc.node, gfp: GFP_KERNEL | GFP_THISNODE, cc };
  let moved = 0;
  while (!(yield* kernel.compactFinished(cpu, cc))) {
    const folios = yield* kernel.isolateMigratepages(cpu, cc);
    if (folios.length === 0) continue;
    const kept = yield* kernel.migratePages(cpu, folios, how);
    cc.nrMigratepages = 0;
    moved += folios.length - kept.length;
    for (const folio of kept) yield* kernel.folioPutbackLru(cpu, folio);
    if (cc.outOfFrames && !compactScannersMet(cpu, cc)) break;
  }
  yield* kernel.releaseFreeList(cpu, cc);
  return moved;
}

/** Linux: compact_finished(): on request, only when the scanners have met. */
export function* compactFinished(cpu: Cpu, cc: CompactControl): Path<boolean> {
  return compactScannersMet(cpu, cc);
}

/** Linux: compact_scanners_met(): in one pageblock, or past each other. */
function compactScannersMet(cpu: Cpu, { freePfn, migratePfn }: CompactControl): boolean {
  return pageblockStart(cpu, freePfn) <= pageblockStart(cpu, migratePfn);
}

/** Linux: pageblock_start_pfn(). */
export function pageblockStart({ geometry }: Cpu, pfn: number): number {
  return Math.floor(pfn / geometry.reclaimBatch) * geometry.reclaimBatch;
}

/** Linux: pageblock_end_pfn(). */
export function pageblockEnd(cpu: Cpu, pfn: number): number {
  return pageblockStart(cpu, pfn) + cpu.geometry.reclaimBatch;
}
