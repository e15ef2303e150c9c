/**
 * One user access to one word of a page: look-up, walk if needed, perform. A hit and its data access are one step, so an
 * acknowledged invalidation is never overtaken by an access that looked up before it. Interrupts are taken before the
 * look-up or after the access; one taken inside a walk cancels it, and the access starts over.
 */
import type { Word } from '../memory/memory.ts';
import { type Path, point } from '../memory/point.ts';
import { dropForPageFault } from './invalidate.ts';
import type { LogicalCpu } from './logical-cpu.ts';
import { PTE_D, PTE_G, PTE_NX, PTE_P, PTE_RW, PTE_US, ptePfn } from './pte.ts';
import { TLB_MISS, tlbHi, tlbLo, tlbLookup } from './tlb.ts';
import { type AccessKind, EXCHANGE, FETCH, STORE, type TlbSlot, type Vpn, writes } from './types.ts';
import {
  FAULT_PRESENT,
  faultCodeOf,
  rightsAllow,
  WALK_FAULT,
  WALK_MORE,
  type WalkResult,
  walkStart,
  walkStep,
  walkWord,
} from './walker.ts';

export const TRANSLATED = point('access: translation found in the tlb');
export const WALKING = point('access: walking, next entry not read');

const LOAD_NEEDS = PTE_P | PTE_US;
const STORE_NEEDS = PTE_P | PTE_US | PTE_RW | PTE_D;

/**
 * The access of a TLB hit, at once: true if it was performed (value in `cpu.loaded`), false if it takes the long way,
 * `access`. Only for `threads`, where the caller looks for interrupts now and then: in the stepper a hit needs its point,
 * and private words, written here directly, need `put`.
 */
export function tryAccess(cpu: LogicalCpu, vpn: Vpn, word: number, kind: AccessKind, value: number): boolean {
  const { words } = cpu;
  const needs = writes(kind) ? STORE_NEEDS : LOAD_NEEDS;
  const hint = cpu.tlbHintAt + (vpn & cpu.hintMask);
  let slot = words[hint] as TlbSlot;
  let lo = words[cpu.tlbLoAt + slot];
  if (
    words[cpu.tlbVpnAt + slot] !== (vpn | 0) ||
    (lo & needs) !== needs ||
    (words[cpu.tlbPcidAt + slot] !== words[cpu.cr3PcidAt] && (lo & PTE_G) === 0)
  ) {
    slot = tlbLookup(cpu, vpn);
    if (slot === TLB_MISS) return false;
    lo = words[cpu.tlbLoAt + slot];
    if ((lo & needs) !== needs) return false;
    words[hint] = slot;
  }
  if (kind === FETCH && (words[cpu.tlbHiAt + slot] & PTE_NX) !== 0) return false;
  perform(cpu, slot, lo, vpn, word, kind, value);
  words[cpu.accessesAt]++;
  words[cpu.tlbHitsAt]++;
  words[cpu.cyclesAt] += cpu.hitCycles;
  return true;
}

/**
 * One access, point by point. True: performed, value in `cpu.loaded`. False: page fault, with `cpu.faultVpn` and
 * `cpu.faultCode`; the kernel's handler decides whether to try again. Not guaranteed: that a fault means memory forbids
 * the access; it may be spurious after a widening (B-13), unless the machine switch `spuriousFaults` is off (B-15).
 */
export function* access(cpu: LogicalCpu, vpn: Vpn, word: number, kind: AccessKind, value: number): Path<boolean> {
  let walked = false;
  for (;;) {
    const slot = tlbLookup(cpu, vpn);
    if (slot !== TLB_MISS) {
      const lo = tlbLo(cpu, slot);
      if (!rightsAllow(lo, tlbHi(cpu, slot), kind)) {
        if (cpu.switches.spuriousFaults) return pageFault(cpu, vpn, faultCodeOf(kind, FAULT_PRESENT));
      } else if (!writes(kind) || (lo & PTE_D) !== 0) {
        const target = dataWord(cpu, lo, word);
        if (cpu.at(TRANSLATED, target)) yield;
        // what was found before the point may be gone, or lead elsewhere: then nothing is touched in this step
        const now = tlbLookup(cpu, vpn);
        if (now === TLB_MISS || !usable(cpu, now, kind) || dataWord(cpu, tlbLo(cpu, now), word) !== target) continue;
        perform(cpu, now, tlbLo(cpu, now), vpn, word, kind, value);
        cpu.count(cpu.hw.count.accesses);
        if (!walked) cpu.count(cpu.hw.count.tlbHits);
        cpu.spend(cpu.hitCycles);
        return true;
      }
    }
    walked = true;
    cpu.count(cpu.hw.count.tlbMisses);
    cpu.spend(cpu.costs.walk);
    walkStart(cpu, 0, vpn);
    const fromRoot = cpu.hw.walk.level.own(cpu.id, 0) === 0;
    let result: WalkResult;
    do {
      if (cpu.at(WALKING, walkWord(cpu, 0))) yield;
      result = walkStep(cpu, 0, kind);
    } while (result === WALK_MORE);
    if (result === WALK_FAULT) {
      if (cpu.switches.spuriousFaults || fromRoot) return pageFault(cpu, vpn, cpu.faultCode);
      // rights accumulated in the paging-structure cache may be stale: ask memory, from the root
      dropForPageFault(cpu, vpn);
    }
  }
}

function dataWord(cpu: LogicalCpu, lo: number, word: number): Word {
  return (cpu.frameAt + ptePfn(lo) * cpu.frameStride + word) as Word;
}

/** May the entry serve the access without a walk? A store needs D set in memory first (B-17). */
function usable(cpu: LogicalCpu, slot: TlbSlot, kind: AccessKind): boolean {
  const lo = tlbLo(cpu, slot);
  return rightsAllow(lo, tlbHi(cpu, slot), kind) && (!writes(kind) || (lo & PTE_D) !== 0);
}

/** The one contended access, and in the same step the observer's look at it. */
function perform(
  cpu: LogicalCpu,
  slot: TlbSlot,
  lo: number,
  vpn: Vpn,
  word: number,
  kind: AccessKind,
  value: number,
): void {
  const { mem } = cpu;
  const target = dataWord(cpu, lo, word);
  if (kind === STORE) {
    mem.store(target, value);
    cpu.loaded = value;
  } else cpu.loaded = kind === EXCHANGE ? mem.exchange(target, value) : mem.load(target);
  cpu.observer?.accessed(cpu, slot, vpn, word, kind, cpu.loaded);
  if (ptePfn(lo) < cpu.geometry.slowFrom) return;
  cpu.count(cpu.hw.count.slowAccesses);
  cpu.spend(cpu.costs.slowAccess);
}

function pageFault(cpu: LogicalCpu, vpn: Vpn, code: number): boolean {
  // an exception drains the store buffer (SDM 3A 11.10)
  cpu.mem.fence();
  dropForPageFault(cpu, vpn);
  cpu.faultVpn = vpn;
  cpu.faultCode = code;
  cpu.count(cpu.hw.count.pageFaults);
  cpu.spend(cpu.costs.handler);
  return false;
}
