/**
 * Linux: mm/vmscan.c isolate_lru_folios(), by which reclaim finds its victims. Linux keeps lists of each node in the order of
 * use; here a hand goes round the node's frames (as compaction's scanner does: a folio on the list, a reference, isolation).
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { FAST_NODE, type NodeId } from '../types.ts';
import { PG_LRU } from './folio.ts';

export const HAND_MOVES = point('isolateLruFolios: frames of the node to be scanned, where does the scan begin?');
export const LRU_CHECK = point('isolateLruFolios: is a folio of the lists in the frame?');

/** Isolates folios among the next few frames of the node; each holds a reference of the caller then. */
export function* isolateLruFolios(cpu: Cpu, node: NodeId): Path<Pfn[]> {
  const { kernel, geometry: g } = cpu;
  const { first, frames } = framesOf(cpu, node);
  const { scanned } = cpu.pgdat;
  if (cpu.at(HAND_MOVES, scanned.at(node))) yield;
  const from = scanned.add(node, g.reclaimBatch) >>> 0;
  const folios: Pfn[] = [];
  for (let i = 0; i < Math.min(g.reclaimBatch, frames); i++) {
    const pfn = (first + ((from + i) % frames)) as Pfn;
    if (cpu.at(LRU_CHECK, cpu.folio.flags.at(pfn))) yield;
    if ((cpu.folio.flags.load(pfn) & PG_LRU) === 0 || !(yield* kernel.folioTryGet(cpu, pfn))) continue;
    if (yield* kernel.folioIsolateLru(cpu, pfn)) folios.push(pfn);
    else yield* kernel.folioPut(cpu, pfn);
  }
  return folios;
}

/** Scans that take the hand once round the node. */
export function scansOfNode(cpu: Cpu, node: NodeId): number {
  return Math.ceil(framesOf(cpu, node).frames / cpu.geometry.reclaimBatch);
}

/** The node's frames, but for frame 0 and the zero page. */
export function framesOf(cpu: Cpu, node: NodeId): { first: number; frames: number } {
  const { slowFrom, frames } = cpu.geometry;
  const first = node === FAST_NODE ? 1 : slowFrom;
  return { first, frames: (node === FAST_NODE ? Math.min(slowFrom, frames - 1) : frames - 1) - first };
}
