/**
 * Linux: mm/vmscan.c try_to_free_pages(), by the task that finds no free frame, and shrink_node(), by it and by the daemons: folios
 * of a node, those not used lately, move to the slower node or are freed.
 */
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type NodeId, NUMA_NO_NODE } from '../types.ts';
import { nextDemotionNode } from './demotion.ts';
import { scansOfNode } from './isolate-lru.ts';
import { zonelist } from './zonelist.ts';

/** Linux: do_try_to_free_pages(): until a batch is gained, or twice round each node; how many folios. Caller holds no spinlock. */
export function* tryToFreePages(cpu: Cpu, node: NodeId, gfp: number): Path<number> {
  let gained = 0;
  cpu.observer?.dutyBegins(cpu, 'reclaim');
  for (const of of zonelist(cpu, node, gfp)) {
    for (let scans = 2 * scansOfNode(cpu, of); scans > 0 && gained < cpu.geometry.reclaimBatch; scans--) {
      gained += yield* cpu.kernel.shrinkNode(cpu, of);
    }
  }
  cpu.observer?.dutyEnds(cpu);
  return gained;
}

/** Linux: shrink_node() to shrink_inactive_list(): a batch of the node's folios; how many left it. */
export function* shrinkNode(cpu: Cpu, node: NodeId): Path<number> {
  const { kernel } = cpu;
  const folios = yield* kernel.dropReferenced(cpu, yield* kernel.isolateLruFolios(cpu, node));
  const left = nextDemotionNode(cpu, node) === NUMA_NO_NODE ? folios : yield* kernel.demoteFolioList(cpu, folios, node);
  return folios.length - left.length + (yield* kernel.shrinkFolioList(cpu, left));
}
