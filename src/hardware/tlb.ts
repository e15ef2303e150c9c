/**
 * The TLB of a CPU: set-associative, tagged with PCIDs, private to its CPU. An entry stays usable, whatever memory says,
 * until it is invalidated or evicted (B-9). Its words are private, so nothing here needs a point.
 */
import type { LogicalCpu } from './logical-cpu.ts';
import { PTE_G, ptePfn } from './pte.ts';
import type { Pcid, PteHi, PteLo, TlbSlot, Vpn } from './types.ts';

/** A miss is an answer, not an error. */
export const TLB_MISS = -1 as TlbSlot;

/** The entry usable for `vpn` now: of the loaded PCID, or global (SDM 3A 4.10.2.4); TLB_MISS if there is none. */
export function tlbLookup(cpu: LogicalCpu, vpn: Vpn): TlbSlot {
  const { words, tlbVpnAt, tlbPcidAt, tlbLoAt } = cpu;
  const { tlbSets, tlbWays } = cpu.geometry;
  const pcid = words[cpu.cr3PcidAt];
  const { record } = cpu.mem;
  const first = ((vpn >>> 0) % tlbSets) * tlbWays;
  for (let slot = first; slot < first + tlbWays; slot++) {
    record?.consults(tlbVpnAt + slot);
    if (words[tlbVpnAt + slot] !== (vpn | 0)) continue;
    const lo = words[tlbLoAt + slot];
    if (lo !== 0 && (words[tlbPcidAt + slot] === pcid || (lo & PTE_G) !== 0)) return slot as TlbSlot;
  }
  return TLB_MISS;
}

/** The entry's accumulated rights, D, G and frame; 0 if the slot is free. */
export function tlbLo(cpu: LogicalCpu, slot: TlbSlot): PteLo {
  cpu.mem.record?.consults(cpu.tlbLoAt + slot);
  return cpu.words[cpu.tlbLoAt + slot] as PteLo;
}
/** The entry's accumulated NX. */
export function tlbHi(cpu: LogicalCpu, slot: TlbSlot): PteHi {
  return cpu.words[cpu.tlbHiAt + slot] as PteHi;
}
export function tlbVpn(cpu: LogicalCpu, slot: TlbSlot): Vpn {
  cpu.mem.record?.consults(cpu.tlbVpnAt + slot);
  return (cpu.words[cpu.tlbVpnAt + slot] >>> 0) as Vpn;
}
export function tlbPcid(cpu: LogicalCpu, slot: TlbSlot): Pcid {
  return cpu.words[cpu.tlbPcidAt + slot] as Pcid;
}
/** Number of slots of a CPU. */
export function tlbSlots(cpu: LogicalCpu): number {
  return cpu.geometry.tlbSets * cpu.geometry.tlbWays;
}

/**
 * Puts a translation in: over the entry a look-up would find now, else into a free way, else over the next victim of the
 * set. Two usable entries of one page can therefore only come from two PCIDs and a G bit that changed in between.
 */
export function tlbFill(cpu: LogicalCpu, vpn: Vpn, lo: PteLo, hi: PteHi): TlbSlot {
  const { tlb } = cpu.hw;
  const { id } = cpu;
  let slot = tlbLookup(cpu, vpn);
  if (slot === TLB_MISS) slot = freeWay(cpu, vpn);
  tlb.vpn.put(id, vpn | 0, slot);
  tlb.pcid.put(id, cpu.words[cpu.cr3PcidAt], slot);
  tlb.lo.put(id, lo, slot);
  tlb.hi.put(id, hi, slot);
  cpu.observer?.tlbFilled(cpu, slot, vpn, ptePfn(lo));
  return slot;
}

/** Takes an entry out. All words of a free slot are 0, so that equal TLBs are equal images. */
export function tlbDrop(cpu: LogicalCpu, slot: TlbSlot): void {
  const { tlb } = cpu.hw;
  const { id } = cpu;
  tlb.vpn.put(id, 0, slot);
  tlb.pcid.put(id, 0, slot);
  tlb.lo.put(id, 0, slot);
  tlb.hi.put(id, 0, slot);
}

function freeWay(cpu: LogicalCpu, vpn: Vpn): TlbSlot {
  const { tlbSets, tlbWays } = cpu.geometry;
  const set = (vpn >>> 0) % tlbSets;
  const first = set * tlbWays;
  for (let slot = first; slot < first + tlbWays; slot++) {
    if (tlbLo(cpu, slot as TlbSlot) === 0) return slot as TlbSlot;
  }
  const { victim } = cpu.hw.tlb;
  const way = victim.cached(cpu.id, set);
  victim.put(cpu.id, (way + 1) % tlbWays, set);
  return (first + way) as TlbSlot;
}
