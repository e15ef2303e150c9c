/** The words of nodes, zones and the allocator: Linux include/linux/mmzone.h. */
import type { Geometry } from '../../hardware/geometry.ts';
import type { CpuId } from '../../hardware/types.ts';
import { table } from '../../memory/table.ts';
import type { NodeId } from '../types.ts';

const mine = { private: 'cpu' } as const;

/** Linux: struct zone, one per node. Free frames as a stack, most recently freed on top. */
export const ZONE = table<NodeId, Geometry>()('zone', (g) => g.nodes, {
  lock: 'shared',
  nrFree: { guardedBy: 'lock' },
  free: { owner: { guardedBy: 'lock' }, width: (g: Geometry) => g.frames },
});

/** Linux: struct pglist_data. */
export const PGDAT = table<NodeId, Geometry>()('pgdat', (g) => g.nodes, {
  /** The node's daemon, plus one; 0 if it has none. */
  kswapd: 'once',
  /** Frames that scans have passed since boot: where the next one begins. */
  scanned: 'shared',
});

/** Pages that the kernel has allocated for itself, oldest first: see kernel-pages.ts. */
export const KERNEL_PAGES = table<number, Geometry>()('kernelPages', () => 1, {
  lock: 'shared',
  count: { guardedBy: 'lock' },
  list: { owner: { guardedBy: 'lock' }, width: (g: Geometry) => g.frames },
});

/** Frames that the list of one CPU and zone may hold. */
export function pcpWidth(g: Geometry): number {
  return g.pcpHigh + g.pcpBatch + 1;
}

/** Linux: struct per_cpu_pages, one per zone: word n of `count`, and `pcpWidth` words of `list` from n times as many on. */
export const PCP = table<CpuId, Geometry>()('pcp', (g) => g.cpus, {
  count: { owner: mine, width: (g: Geometry) => g.nodes },
  list: { owner: mine, width: (g: Geometry) => g.nodes * pcpWidth(g) },
});
