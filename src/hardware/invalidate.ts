/**
 * The invalidating instructions. Each acts on the executing logical CPU only and is complete when it returns (B-23), and
 * each cancels the walks in progress there, speculative ones too: what a walk has read so far is as stale as an entry.
 * Exactly what the manual requires is removed; that a CPU may remove more (B-11) is the adversary's choice.
 */
import type { LogicalCpu } from './logical-cpu.ts';
import { pscDrop, pscServes } from './psc.ts';
import { PTE_G } from './pte.ts';
import { tlbDrop, tlbLo, tlbPcid, tlbSlots, tlbVpn } from './tlb.ts';
import type { Pcid, Pfn, TlbSlot, Vpn } from './types.ts';
import { walkCancel } from './walker.ts';

/** INVPCID descriptor types (SDM 2A, INVPCID). */
export const INVPCID_ADDRESS = 0;
export const INVPCID_CONTEXT = 1;
export const INVPCID_ALL = 2;
export const INVPCID_ALL_NON_GLOBAL = 3;
export type InvpcidType =
  | typeof INVPCID_ADDRESS
  | typeof INVPCID_CONTEXT
  | typeof INVPCID_ALL
  | typeof INVPCID_ALL_NON_GLOBAL;

const ANY = -1 as Pcid;
const SPARE_GLOBALS = 0;
const GLOBALS_TOO = 1;

/**
 * INVLPG: the page's entries of the loaded PCID, its global entries, and every paging-structure entry of the loaded PCID,
 * whatever its address (B-19, SDM 3A 4.10.4.1).
 */
export function invlpg(cpu: LogicalCpu, vpn: Vpn): void {
  const pcid = loadedPcid(cpu);
  dropPage(cpu, pcid, vpn, GLOBALS_TOO);
  dropPointers(cpu, pcid);
  finish(cpu, cpu.costs.invlpg);
  cpu.count(cpu.hw.count.pageFlushes);
}

/** INVPCID (B-20). `pcid` counts for types 0 and 1, `vpn` for type 0. */
export function invpcid(cpu: LogicalCpu, type: InvpcidType, pcid: Pcid, vpn: Vpn): void {
  if (type === INVPCID_ADDRESS) {
    dropPage(cpu, pcid, vpn, SPARE_GLOBALS);
    dropPointersTo(cpu, pcid, vpn);
  } else {
    const whose = type === INVPCID_CONTEXT ? pcid : ANY;
    dropEntries(cpu, whose, type === INVPCID_ALL ? GLOBALS_TOO : SPARE_GLOBALS);
    dropPointers(cpu, whose);
  }
  finish(cpu, cpu.costs.invpcid);
  cpu.count(type === INVPCID_ADDRESS ? cpu.hw.count.pageFlushes : cpu.hw.count.fullFlushes);
}

/**
 * MOV to CR3 (B-21). Without PCIDs: all non-global entries and the whole paging-structure cache; `pcid` is then ignored.
 * With them: those of the loaded PCID, or nothing if `noflush` (bit 63).
 */
export function writeCr3(cpu: LogicalCpu, pgd: Pfn, pcid: Pcid, noflush: boolean): void {
  const { regs, count } = cpu.hw;
  const keep = cpu.switches.pcid && noflush;
  regs.cr3Pgd.put(cpu.id, pgd);
  regs.cr3Pcid.put(cpu.id, cpu.switches.pcid ? pcid : 0);
  if (!keep) {
    const whose = cpu.switches.pcid ? pcid : ANY;
    dropEntries(cpu, whose, SPARE_GLOBALS);
    dropPointers(cpu, whose);
    cpu.count(count.fullFlushes);
  }
  finish(cpu, keep ? cpu.costs.cr3NoFlush : cpu.costs.cr3Flush);
  cpu.observer?.rootLoaded(cpu, pgd);
}

/** CR4.PGE off and on again: everything, global entries and all PCIDs included (B-22). */
export function toggleCr4Pge(cpu: LogicalCpu): void {
  dropAll(cpu);
  finish(cpu, 2 * cpu.costs.cr3Flush);
  cpu.count(cpu.hw.count.fullFlushes);
}

/** What a page fault takes out before its handler runs, so that a retry cannot meet the same stale entry (B-14). */
export function dropForPageFault(cpu: LogicalCpu, vpn: Vpn): void {
  const pcid = loadedPcid(cpu);
  dropPage(cpu, pcid, vpn, GLOBALS_TOO);
  dropPointersTo(cpu, pcid, vpn);
  // the speculative walk of another page runs on: a fault is no invalidating instruction
  if (cpu.hw.walk.vpn.own(cpu.id, 1) === (vpn | 0)) walkCancel(cpu, 1);
}

/** Empties TLB and paging-structure cache without being an instruction: no cost, no count. */
export function dropAll(cpu: LogicalCpu): void {
  dropEntries(cpu, ANY, GLOBALS_TOO);
  dropPointers(cpu, ANY);
}

function loadedPcid(cpu: LogicalCpu): Pcid {
  return cpu.words[cpu.cr3PcidAt] as Pcid;
}

/** Serializing: the store buffer is drained, too (B-31). */
function finish(cpu: LogicalCpu, cycles: number): void {
  cpu.mem.fence();
  walkCancel(cpu, 0);
  walkCancel(cpu, 1);
  cpu.spend(cycles);
}

function dropPage(cpu: LogicalCpu, pcid: Pcid, vpn: Vpn, globals: number): void {
  const { tlbSets, tlbWays } = cpu.geometry;
  const first = ((vpn >>> 0) % tlbSets) * tlbWays;
  for (let slot = first as TlbSlot; slot < first + tlbWays; slot++) {
    if (tlbVpn(cpu, slot) === vpn >>> 0) dropIfOf(cpu, slot, pcid, globals);
  }
}

function dropEntries(cpu: LogicalCpu, pcid: Pcid, globals: number): void {
  const slots = tlbSlots(cpu);
  for (let slot = 0 as TlbSlot; slot < slots; slot++) dropIfOf(cpu, slot, pcid, globals);
}

/** A global entry belongs to every PCID, and to none when globals are spared. */
function dropIfOf(cpu: LogicalCpu, slot: TlbSlot, pcid: Pcid, globals: number): void {
  const lo = tlbLo(cpu, slot);
  if (lo === 0) return;
  if ((lo & PTE_G) !== 0 ? globals === GLOBALS_TOO : pcid === ANY || tlbPcid(cpu, slot) === pcid) tlbDrop(cpu, slot);
}

function dropPointers(cpu: LogicalCpu, pcid: Pcid): void {
  const { psc } = cpu.hw;
  for (let slot = 0; slot < cpu.geometry.pscEntries; slot++) {
    if (psc.level.cached(cpu.id, slot) === 0) continue;
    if (pcid === ANY || psc.pcid.cached(cpu.id, slot) === pcid) pscDrop(cpu, slot);
  }
}

function dropPointersTo(cpu: LogicalCpu, pcid: Pcid, vpn: Vpn): void {
  for (let slot = 0; slot < cpu.geometry.pscEntries; slot++) {
    if (pscServes(cpu, slot, pcid, vpn)) pscDrop(cpu, slot);
  }
}
