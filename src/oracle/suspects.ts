/**
 * When the probe has to look: something happened that may have left a wrong entry in some TLB. The word `suspect` is then 1
 * until a look finds none. In `threads` nobody may read the TLB of another CPU but at rest, when all are looked at.
 */
import type { CpuId, Pfn, Vpn } from '../hardware/types.ts';
import type { Ghost } from './ghost.ts';
import { keepsUnhooked } from './table-pointers.ts';

/** A page's entries changed: it matters if a TLB holds a translation of a page of that number. */
export function suspectPage(ghost: Ghost, vpn: Vpn): void {
  const { geometry, machine, g, options } = ghost;
  if (options.threads || g.global.suspect.peek(0) === 1) return;
  const { tlbSets, tlbWays } = geometry;
  const first = (vpn % tlbSets) * tlbWays;
  for (let id = 0 as CpuId; id < geometry.cpus; id++) {
    for (let slot = first; slot < first + tlbWays; slot++) {
      if (machine.tlb.vpn.peek(id, slot) !== (vpn | 0) || machine.tlb.lo.peek(id, slot) === 0) continue;
      g.global.suspect.put(0, 1);
      return;
    }
  }
}

/** A frame was handed out: it matters if a TLB still leads there, and at once. */
export function suspectFrame(ghost: Ghost, pfn: Pfn): void {
  const { geometry, machine, g, options } = ghost;
  if (options.threads) return;
  const slots = geometry.tlbSets * geometry.tlbWays;
  for (let id = 0 as CpuId; id < geometry.cpus; id++) {
    for (let slot = 0; slot < slots; slot++) {
      if (machine.tlb.lo.peek(id, slot) >>> 12 !== pfn) continue;
      g.global.suspect.put(0, 1);
      ghost.isDue = true;
      return;
    }
  }
}

/** A table was unhooked: it matters if some paging-structure cache leads there, or a CPU has it for its root. */
export function suspectTable(ghost: Ghost): void {
  const { g, options } = ghost;
  if (!options.threads && g.global.suspect.peek(0) === 0 && keepsUnhooked(ghost)) g.global.suspect.put(0, 1);
}

/** A CPU has another address space loaded: it may find entries there that are not its own. */
export function suspectLoad(ghost: Ghost): void {
  if (!ghost.options.threads) ghost.g.global.suspect.put(0, 1);
}
