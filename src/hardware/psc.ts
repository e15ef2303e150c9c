/**
 * The paging-structure cache of a CPU: pointers to lower tables, with the rights of the levels above accumulated, tagged
 * with the PCID (SDM 3A 4.10.3). An entry may exist although nothing is mapped below it (B-4), and none is global (B-5).
 */
import type { LogicalCpu } from './logical-cpu.ts';
import type { Pcid, Pfn, Vpn } from './types.ts';

export const PSC_MISS = -1;

/** The slot that saves a walk of `vpn` in the loaded PCID the most levels, or PSC_MISS. */
export function pscLookup(cpu: LogicalCpu, vpn: Vpn): number {
  const { level } = cpu.hw.psc;
  const { pscEntries } = cpu.geometry;
  const pcid = cpu.words[cpu.cr3PcidAt] as Pcid;
  let best = PSC_MISS;
  let deepest = 0;
  for (let slot = 0; slot < pscEntries; slot++) {
    const depth = level.cached(cpu.id, slot);
    if (depth > deepest && pscServes(cpu, slot, pcid, vpn)) {
      best = slot;
      deepest = depth;
    }
  }
  return best;
}

/** Would a walk of `vpn` in `pcid` use this slot (or could it, but for a deeper one)? */
export function pscServes(cpu: LogicalCpu, slot: number, pcid: Pcid, vpn: Vpn): boolean {
  const { psc } = cpu.hw;
  const depth = psc.level.cached(cpu.id, slot);
  if (depth === 0 || psc.pcid.cached(cpu.id, slot) !== pcid) return false;
  return psc.tag.cached(cpu.id, slot) === tagOf(cpu, vpn, depth - 1);
}

/**
 * Caches that a walk of `vpn` finds its table of `level` (1 or more) in frame `pfn`, under accumulated rights `lo` and
 * `hi`. Returns the slot: that of the same pointer if cached, else a free one, else the next victim.
 */
export function pscFill(cpu: LogicalCpu, vpn: Vpn, level: number, pfn: Pfn, lo: number, hi: number): number {
  const { psc } = cpu.hw;
  const { id } = cpu;
  const slot = slotFor(cpu, vpn, level);
  psc.level.put(id, level + 1, slot);
  psc.tag.put(id, tagOf(cpu, vpn, level), slot);
  psc.pcid.put(id, cpu.words[cpu.cr3PcidAt], slot);
  psc.pfn.put(id, pfn, slot);
  psc.lo.put(id, lo, slot);
  psc.hi.put(id, hi, slot);
  return slot;
}

/** Takes an entry out; all words of a free slot are 0. */
export function pscDrop(cpu: LogicalCpu, slot: number): void {
  const { psc } = cpu.hw;
  const { id } = cpu;
  psc.level.put(id, 0, slot);
  psc.tag.put(id, 0, slot);
  psc.pcid.put(id, 0, slot);
  psc.pfn.put(id, 0, slot);
  psc.lo.put(id, 0, slot);
  psc.hi.put(id, 0, slot);
}

function slotFor(cpu: LogicalCpu, vpn: Vpn, level: number): number {
  const { psc } = cpu.hw;
  const { pscEntries } = cpu.geometry;
  const pcid = cpu.words[cpu.cr3PcidAt] as Pcid;
  let free = PSC_MISS;
  for (let slot = 0; slot < pscEntries; slot++) {
    const depth = psc.level.cached(cpu.id, slot);
    if (depth === 0) {
      if (free === PSC_MISS) free = slot;
    } else if (depth === level + 1 && pscServes(cpu, slot, pcid, vpn)) return slot;
  }
  if (free !== PSC_MISS) return free;
  const victim = psc.victim.cached(cpu.id);
  psc.victim.put(cpu.id, (victim + 1) % pscEntries);
  return victim;
}

/** The bits of a page number that lead to its table of `level`. */
function tagOf(cpu: LogicalCpu, vpn: Vpn, level: number): number {
  return (vpn >>> cpu.geometry.levelShift[level - 1]) | 0;
}
