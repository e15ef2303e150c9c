/**
 * Linux: a network card without DMA (drivers/net/ethernet/8390/lib8390.c) and the backlog of the CPU that it interrupts
 * (net/core/dev.c). The order: memory for the packet, the packet copied from the card word by word, the packet queued. Restated:
 * the handler runs on when the backlog is full and the oldest packet goes, where Linux drops the new one; and nobody takes packets
 * from the backlog but releasePages(). Not modelled: softirqs.
 */
import type { Pfn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { NO_PAGE } from '../mm/page-alloc.ts';
import { GFP_ATOMIC } from '../types.ts';
import { NETDEV_MAX_BACKLOG } from './tables.ts';

/** Linux: ei_interrupt(), ei_receive(): a packet has arrived. Interrupt context: without memory the packet is lost. */
export function* eiInterrupt(cpu: Cpu): Path<void> {
  const packet = yield* cpu.kernel.getFreePages(cpu, GFP_ATOMIC);
  if (packet !== NO_PAGE) yield* cpu.kernel.netifRx(cpu, packet);
}

/** Linux: netif_rx(), enqueue_to_backlog(). Interrupts off. */
export function* netifRx(cpu: Cpu, packet: Pfn): Path<void> {
  const { qlen, packets } = cpu.softnet;
  const full = qlen.own(cpu.id) === NETDEV_MAX_BACKLOG;
  const dropped = full ? dequeue(cpu) : NO_PAGE;
  const n = qlen.own(cpu.id);
  packets.put(cpu.id, packet, n);
  qlen.put(cpu.id, n + 1);
  if (dropped !== NO_PAGE) yield* cpu.kernel.freePage(cpu, dropped);
}

/** Linux: process_backlog(): the oldest packet, which is the caller's then; NO_PAGE if there is none. */
export function* processBacklog(cpu: Cpu): Path<Pfn> {
  return dequeue(cpu);
}

function dequeue(cpu: Cpu): Pfn {
  const { qlen, packets } = cpu.softnet;
  const { id } = cpu;
  const n = qlen.own(id);
  if (n === 0) return NO_PAGE;
  const packet = packets.own(id) as Pfn;
  for (let i = 1; i < n; i++) packets.put(id, packets.own(id, i), i - 1);
  packets.put(id, 0, n - 1);
  qlen.put(id, n - 1);
  return packet;
}
