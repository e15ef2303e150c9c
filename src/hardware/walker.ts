/**
 * The page walker: a state machine over the WALK registers. Each level is a step of its own with one contended access,
 * the page-table entry, so that other CPUs may write between levels (B-33). A missing A bit, and the D bit of a store, is
 * set by a locked update that is again a step of its own (B-2, B-17, B-18). Pages of 4 KiB only: PS above the last level
 * counts as a reserved bit.
 */
import type { Word } from '../memory/memory.ts';
import { pteIndex } from './geometry.ts';
import type { LogicalCpu } from './logical-cpu.ts';
import type { WalkId } from './observer.ts';
import { PSC_MISS, pscFill, pscLookup } from './psc.ts';
import {
  mkRights,
  PTE_A,
  PTE_D,
  PTE_NX,
  PTE_PS,
  PTE_RW,
  PTE_US,
  pteCas,
  pteLoadBoth,
  ptePfn,
  ptePresent,
  pteWord,
} from './pte.ts';
import { tlbFill } from './tlb.ts';
import { type AccessKind, FETCH, type Pfn, type PteHi, type PteLo, type Vpn, writes } from './types.ts';

/** The walk goes on: its next entry is `walkWord`. */
export const WALK_MORE = 0;
/** The TLB holds the translation now. */
export const WALK_FILLED = 1;
/** No usable translation; for the demand walk `cpu.faultCode` says why. Nothing was cached for the page (B-3). */
export const WALK_FAULT = 2;
/** An invalidation or an interrupt cancelled the walk; nothing was touched in this step. */
export const WALK_CANCELLED = 3;
export type WalkResult = typeof WALK_MORE | typeof WALK_FILLED | typeof WALK_FAULT | typeof WALK_CANCELLED;

const ALL_RIGHTS = PTE_RW | PTE_US;

/** x86 page-fault error code bits (SDM 3A 4.7). */
export const FAULT_PRESENT = 1 << 0;
export const FAULT_WRITE = 1 << 1;
export const FAULT_USER = 1 << 2;
export const FAULT_RESERVED = 1 << 3;
export const FAULT_FETCH = 1 << 4;

/** Starts a walk of `vpn` in the loaded address space, below as many levels as the paging-structure cache knows. */
export function walkStart(cpu: LogicalCpu, walk: WalkId, vpn: Vpn): void {
  const { walk: w, psc, regs } = cpu.hw;
  const { id } = cpu;
  const slot = pscLookup(cpu, vpn);
  const cached = slot !== PSC_MISS;
  const table = (cached ? psc.pfn.cached(id, slot) : regs.cr3Pgd.own(id)) as Pfn;
  w.active.put(id, 1, walk);
  w.vpn.put(id, vpn | 0, walk);
  w.level.put(id, cached ? psc.level.cached(id, slot) - 1 : 0, walk);
  w.table.put(id, table, walk);
  w.lo.put(id, cached ? psc.lo.cached(id, slot) : ALL_RIGHTS, walk);
  w.hi.put(id, cached ? psc.hi.cached(id, slot) : 0, walk);
  w.pending.put(id, 0, walk);
  w.pendingHi.put(id, 0, walk);
  cpu.observer?.walkStarts(cpu, walk, table, slot);
}

/** The entry that the walk's next step touches. */
export function walkWord(cpu: LogicalCpu, walk: WalkId): Word {
  const { walk: w } = cpu.hw;
  const level = w.level.own(cpu.id, walk);
  return pteWord(cpu, w.table.own(cpu.id, walk) as Pfn, pteIndex(cpu.geometry, w.vpn.own(cpu.id, walk) as Vpn, level));
}

/** The entry that a walk of `vpn`, if it started now, would touch first. */
export function walkFirstWord(cpu: LogicalCpu, vpn: Vpn): Word {
  const { psc, regs } = cpu.hw;
  const slot = pscLookup(cpu, vpn);
  if (slot === PSC_MISS) return pteWord(cpu, regs.cr3Pgd.own(cpu.id) as Pfn, pteIndex(cpu.geometry, vpn, 0));
  return pteWord(
    cpu,
    psc.pfn.cached(cpu.id, slot) as Pfn,
    pteIndex(cpu.geometry, vpn, psc.level.cached(cpu.id, slot) - 1),
  );
}

/** Ends a walk without a result. All registers of an idle walk are 0. */
export function walkCancel(cpu: LogicalCpu, walk: WalkId): void {
  const { walk: w } = cpu.hw;
  const { id } = cpu;
  if (w.active.own(id, walk) === 0) return;
  w.active.put(id, 0, walk);
  w.vpn.put(id, 0, walk);
  w.level.put(id, 0, walk);
  w.table.put(id, 0, walk);
  w.lo.put(id, 0, walk);
  w.hi.put(id, 0, walk);
  w.pending.put(id, 0, walk);
  w.pendingHi.put(id, 0, walk);
}

/**
 * One step: reads the entry at `walkWord`, or does the locked update that the last step found necessary. The demand walk
 * checks the rights that `kind` needs; the speculative one takes every translation as it is and never sets D. Neither sees
 * what its CPU has stored and still buffers (B-32).
 */
export function walkStep(cpu: LogicalCpu, walk: WalkId, kind: AccessKind): WalkResult {
  const { mem } = cpu;
  mem.walks?.(true);
  const result = step(cpu, walk, kind);
  mem.walks?.(false);
  return result;
}

function step(cpu: LogicalCpu, walk: WalkId, kind: AccessKind): WalkResult {
  const { walk: w } = cpu.hw;
  const { id } = cpu;
  if (w.active.own(id, walk) === 0) return WALK_CANCELLED;
  cpu.count(cpu.hw.count.walkSteps);
  const table = w.table.own(id, walk) as Pfn;
  const level = w.level.own(id, walk);
  const index = pteIndex(cpu.geometry, w.vpn.own(id, walk) as Vpn, level);
  cpu.observer?.walkReads(cpu, walk, table);
  const pending = w.pending.own(id, walk) as PteLo;
  if (pending === 0) {
    if (walk === 0) cpu.spend(cpu.costs.walkLevel);
    const lo = pteLoadBoth(cpu, table, index);
    return evaluate(cpu, walk, kind, lo, cpu.pteHi);
  }
  if (walk === 0) cpu.spend(cpu.costs.lockedRmw);
  const marked = (pending | marksFor(cpu, walk, kind, level)) as PteLo;
  const hi = w.pendingHi.own(id, walk) as PteHi;
  w.pending.put(id, 0, walk);
  w.pendingHi.put(id, 0, walk);
  // the entry changed under the update: it is read again, from the beginning, in the next step
  if (pteCas(cpu, table, index, pending, marked) !== pending) return WALK_MORE;
  return evaluate(cpu, walk, kind, marked, hi);
}

function evaluate(cpu: LogicalCpu, walk: WalkId, kind: AccessKind, lo: PteLo, hi: PteHi): WalkResult {
  const { walk: w } = cpu.hw;
  const { id, geometry } = cpu;
  const level = w.level.own(id, walk);
  const isLeaf = level === geometry.levelBits.length - 1;
  if (!ptePresent(lo)) return fault(cpu, walk, kind, 0);
  if (ptePfn(lo) >= geometry.frames || (!isLeaf && (lo & PTE_PS) !== 0)) {
    return fault(cpu, walk, kind, FAULT_PRESENT | FAULT_RESERVED);
  }
  const rights = w.lo.own(id, walk) & lo & ALL_RIGHTS;
  const nx = (w.hi.own(id, walk) | hi) & PTE_NX;
  if (isLeaf && walk === 0 && !rightsAllow(rights, nx, kind)) return fault(cpu, walk, kind, FAULT_PRESENT);
  const marks = marksFor(cpu, walk, kind, level);
  if ((lo & marks) !== marks) {
    w.pending.put(id, lo, walk);
    w.pendingHi.put(id, hi, walk);
    return WALK_MORE;
  }
  const vpn = (w.vpn.own(id, walk) >>> 0) as Vpn;
  if (isLeaf) {
    walkCancel(cpu, walk);
    tlbFill(cpu, vpn, mkRights(lo, rights), nx as PteHi);
    return WALK_FILLED;
  }
  const next = ptePfn(lo);
  w.level.put(id, level + 1, walk);
  w.table.put(id, next, walk);
  w.lo.put(id, rights, walk);
  w.hi.put(id, nx, walk);
  cpu.observer?.walkDescends(cpu, walk, next);
  const slot = pscFill(cpu, vpn, level + 1, next, rights, nx);
  cpu.observer?.pscFilled(cpu, walk, slot);
  return WALK_MORE;
}

/** Does this accumulation of rights let user code do `kind`? D is not a right. */
export function rightsAllow(lo: number, hi: number, kind: AccessKind): boolean {
  if ((lo & PTE_US) === 0) return false;
  if (writes(kind)) return (lo & PTE_RW) !== 0;
  return kind !== FETCH || (hi & PTE_NX) === 0;
}

/** The error code of a user access of this kind; `why` is FAULT_PRESENT, FAULT_RESERVED or neither. */
export function faultCodeOf(kind: AccessKind, why: number): number {
  return why | FAULT_USER | (writes(kind) ? FAULT_WRITE : 0) | (kind === FETCH ? FAULT_FETCH : 0);
}

/** Bits that must be set in memory before the entry may be used: A at every level, D in the leaf of a demand store. */
function marksFor(cpu: LogicalCpu, walk: WalkId, kind: AccessKind, level: number): number {
  const isLeaf = level === cpu.geometry.levelBits.length - 1;
  return isLeaf && walk === 0 && writes(kind) ? PTE_A | PTE_D : PTE_A;
}

function fault(cpu: LogicalCpu, walk: WalkId, kind: AccessKind, why: number): WalkResult {
  walkCancel(cpu, walk);
  if (walk === 0) cpu.faultCode = faultCodeOf(kind, why);
  return WALK_FAULT;
}
