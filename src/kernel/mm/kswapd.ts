/** Linux: mm/vmscan.c kswapd(): a thread per node that reclaims in the background, from the low watermark to the high one. */
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type NodeId, type TaskId, WAKE_KSWAPD } from '../types.ts';
import { scansOfNode } from './isolate-lru.ts';

/** Linux: kswapd(). For ever; everything between two sleeps is one balancing. */
export function* kswapd(cpu: Cpu, node: NodeId): Path<never> {
  for (;;) {
    yield* cpu.kernel.sleepOn(cpu, WAKE_KSWAPD);
    yield* cpu.kernel.balancePgdat(cpu, node);
  }
}

/** Linux: wakeup_kswapd(). A node whose daemon is busy is looked at once more. */
export function* wakeupKswapd(cpu: Cpu, node: NodeId): Path<void> {
  const daemon = cpu.pgdat.kswapd.load(node);
  if (daemon !== 0) yield* cpu.kernel.wakeUp(cpu, (daemon - 1) as TaskId, WAKE_KSWAPD);
}

/** Linux: balance_pgdat(): until the node is balanced, or twice around it nothing could be gained. */
export function* balancePgdat(cpu: Cpu, node: NodeId): Path<void> {
  const { kernel } = cpu;
  cpu.observer?.dutyBegins(cpu, 'reclaim');
  const sweeps = 2 * scansOfNode(cpu, node);
  for (let left = sweeps; left > 0; left--) {
    if (yield* kernel.pgdatBalanced(cpu, node)) break;
    if ((yield* kernel.shrinkNode(cpu, node)) > 0) left = sweeps + 1;
  }
  cpu.observer?.dutyEnds(cpu);
}

/**
 * Linux: pgdat_balanced(): more free frames than the high watermark; a node that others promote to keeps room for that (Linux:
 * WMARK_PROMO, as far above high as high is above low). Restated: the count is read under zone.lock, which Linux does not take.
 */
export function* pgdatBalanced(cpu: Cpu, node: NodeId): Path<boolean> {
  const { watermarkLow, watermarkHigh, nodes } = cpu.geometry;
  const room = nodes > 1 && node === 0 ? watermarkHigh - watermarkLow : 0;
  return yield* cpu.kernel.zoneWatermarkOk(cpu, node, watermarkHigh + room);
}

/** Linux: zone_page_state(NR_FREE_PAGES), restated: counted under zone.lock, which the caller holds. */
export function* nrFreePages(cpu: Cpu, node: NodeId): Path<number> {
  return cpu.zone.nrFree.load(node);
}

/** Linux: zone_watermark_ok(). */
export function* zoneWatermarkOk(cpu: Cpu, node: NodeId, mark: number): Path<boolean> {
  const lock = cpu.zone.lock.at(node);
  yield* cpu.kernel.spinLockIrqsave(cpu, lock);
  const ok = (yield* cpu.kernel.nrFreePages(cpu, node)) > mark;
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock);
  return ok;
}
