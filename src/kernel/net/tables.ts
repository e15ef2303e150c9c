/** The words of the network: Linux include/linux/netdevice.h. */
import type { Geometry } from '../../hardware/geometry.ts';
import type { CpuId } from '../../hardware/types.ts';
import { table } from '../../memory/table.ts';

/** Linux: net.core.netdev_max_backlog. Small, so that interrupts free, too. */
export const NETDEV_MAX_BACKLOG = 2;

const mine = { private: 'cpu' } as const;

/** Linux: struct softnet_data: what the CPU has received. Nobody else touches it, and no point stands within an update. */
export const SOFTNET = table<CpuId, Geometry>()('softnet', (g) => g.cpus, {
  qlen: mine,
  /** input_pkt_queue, oldest packet first. */
  packets: { owner: mine, width: () => NETDEV_MAX_BACKLOG },
});
