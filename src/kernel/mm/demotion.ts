/**
 * Linux: mm/vmscan.c demote_folio_list() and mm/memory-tiers.c next_demotion_node(): what reclaim takes from the fast node goes to
 * the slow one, as long as that has frames: a migration like any other, dirty folios too.
 */
import type { Pfn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import {
  FAST_NODE,
  GFP_KSWAPD_RECLAIM,
  GFP_THISNODE,
  MIGRATE_ASYNC,
  type NodeId,
  NUMA_NO_NODE,
  SLOW_NODE,
} from '../types.ts';

/** Demotion wakes the daemon of the target and does not reclaim itself. */
const GFP_DEMOTION = GFP_KSWAPD_RECLAIM | GFP_THISNODE;

/** Linux: next_demotion_node(). */
export function nextDemotionNode(cpu: Cpu, node: NodeId): NodeId {
  return node === FAST_NODE && cpu.geometry.nodes > 1 ? SLOW_NODE : NUMA_NO_NODE;
}

/** Linux: demote_folio_list(): those that could not go, isolated as before. They are freed instead. Caller isolated them. */
export function* demoteFolioList(cpu: Cpu, folios: readonly Pfn[], from: NodeId): Path<readonly Pfn[]> {
  if (folios.length === 0) return folios;
  const how = { mode: MIGRATE_ASYNC, node: nextDemotionNode(cpu, from), gfp: GFP_DEMOTION } as const;
  const left = yield* cpu.kernel.migratePagesBatch(cpu, folios, how);
  const { demoted } = cpu.kcount;
  demoted.put(cpu.id, demoted.own(cpu.id) + folios.length - left.length);
  return left;
}
