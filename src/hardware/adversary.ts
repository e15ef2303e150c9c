/**
 * What silicon may do on its own, at any time: evict entries (B-10), translate pages nobody asked for (B-8), invalidate
 * more than it was told (B-11). An action is an integer below 2^20 that means the same in every run, so that a schedule
 * can hold it. Actions touch this CPU's own words; only a step of a speculative walk touches a contended one.
 */
import type { Word } from '../memory/memory.ts';
import { NOWHERE } from '../memory/memory.ts';
import { dropAll } from './invalidate.ts';
import type { LogicalCpu } from './logical-cpu.ts';
import { pscDrop } from './psc.ts';
import { TLB_MISS, tlbDrop, tlbLo, tlbLookup, tlbSlots, tlbVpn } from './tlb.ts';
import { LOAD, type TlbSlot, type Vpn } from './types.ts';
import { walkCancel, walkFirstWord, walkStart, walkStep, walkWord } from './walker.ts';

/** Kind in bits 17-19, TLB slot, cache slot or page number in bits 0-16. */
export type AdversaryAction = number & { readonly brand: 'AdversaryAction' };

const OPERAND_BITS = 17;
const EVICT_TLB = 0;
const EVICT_PSC = 1;
/** Start a speculative walk of a page and read its first entry. */
const SPECULATE = 2;
/** One more level (or locked update of A) of the speculative walk. */
const WALKS_ON = 3;
/** Drop everything this CPU has cached, as an invalidation may. */
const OVER_INVALIDATE = 4;

export const WALK_ON = actionOf(WALKS_ON, 0);
export const OVER_INVALIDATION = actionOf(OVER_INVALIDATE, 0);

/**
 * Lists what this CPU's hardware may do now: writes the actions to `into` and returns their number. Speculative walks are
 * offered for those of `candidates` that are not cached already and whose number fits an action (below 2^17).
 */
export function adversaryActions(cpu: LogicalCpu, candidates: readonly Vpn[], into: number[]): number {
  const { psc, walk } = cpu.hw;
  let n = 0;
  let cached = 0;
  for (let slot = 0; slot < tlbSlots(cpu); slot++) {
    if (tlbLo(cpu, slot as TlbSlot) === 0) continue;
    into[n++] = actionOf(EVICT_TLB, slot);
    cached++;
  }
  for (let slot = 0; slot < cpu.geometry.pscEntries; slot++) {
    if (psc.level.cached(cpu.id, slot) === 0) continue;
    into[n++] = actionOf(EVICT_PSC, slot);
    cached++;
  }
  // with a single entry it would be an eviction
  if (cached > 1) into[n++] = OVER_INVALIDATION;
  if (walk.active.own(cpu.id, 1) !== 0) into[n++] = WALK_ON;
  for (const vpn of candidates) {
    if (vpn >>> OPERAND_BITS === 0 && maySpeculate(cpu, vpn)) into[n++] = speculation(vpn);
  }
  return n;
}

/** A walk begins where a root is loaded that has pages of tasks below it, and one at a time. */
function maySpeculate(cpu: LogicalCpu, vpn: Vpn): boolean {
  const { walk, regs } = cpu.hw;
  const isFree = regs.cr3Pgd.own(cpu.id) !== 0 && walk.active.own(cpu.id, 1) === 0;
  return isFree && tlbLookup(cpu, vpn) === TLB_MISS;
}

/** The action that starts a speculative walk of a page, which must be one that an action can name. */
export function speculation(vpn: Vpn): AdversaryAction {
  return actionOf(SPECULATE, vpn);
}

export function isSpeculation(action: AdversaryAction): boolean {
  return kindOf(action) === SPECULATE;
}

/** The contended word that the action touches, or NOWHERE. */
export function adversaryWord(cpu: LogicalCpu, action: AdversaryAction): Word {
  switch (kindOf(action)) {
    case SPECULATE:
      return walkFirstWord(cpu, operandOf(action) as Vpn);
    case WALKS_ON:
      return cpu.hw.walk.active.own(cpu.id, 1) === 0 ? NOWHERE : walkWord(cpu, 1);
    default:
      return NOWHERE;
  }
}

/** The page whose translation the action takes out or brings in; -1 if it is none, or all. */
export function adversaryPage(cpu: LogicalCpu, action: AdversaryAction): number {
  switch (kindOf(action)) {
    case EVICT_TLB:
      return tlbVpn(cpu, operandOf(action) as TlbSlot);
    case SPECULATE:
      return operandOf(action);
    case WALKS_ON:
      return cpu.hw.walk.vpn.own(cpu.id, 1) >>> 0;
    default:
      return -1;
  }
}

/**
 * Performs an action, in a step of its own that announced `adversaryWord`. An action that is no longer possible (a replayed
 * schedule has diverged) does nothing.
 */
export function adversaryPerform(cpu: LogicalCpu, action: AdversaryAction): void {
  const operand = operandOf(action);
  switch (kindOf(action)) {
    case EVICT_TLB:
      tlbDrop(cpu, operand as TlbSlot);
      return;
    case EVICT_PSC:
      pscDrop(cpu, operand);
      return;
    case SPECULATE:
      if (!maySpeculate(cpu, operand as Vpn)) return;
      walkStart(cpu, 1, operand as Vpn);
      walkStep(cpu, 1, LOAD);
      return;
    case WALKS_ON:
      walkStep(cpu, 1, LOAD);
      return;
    case OVER_INVALIDATE:
      dropAll(cpu);
      walkCancel(cpu, 1);
      return;
  }
}

/** What the action does, for columns: to be asked before it is performed. */
export function adversaryLabel(cpu: LogicalCpu, action: AdversaryAction): string {
  const operand = operandOf(action);
  switch (kindOf(action)) {
    case EVICT_TLB:
      return `hardware evicts the tlb entry of page ${tlbVpn(cpu, operand as TlbSlot)}`;
    case EVICT_PSC:
      return `hardware evicts paging-structure entry ${operand}`;
    case SPECULATE:
      return `hardware starts a speculative walk of page ${operand}`;
    case WALKS_ON:
      return `hardware walks on to page ${cpu.hw.walk.vpn.own(cpu.id, 1) >>> 0}`;
    case OVER_INVALIDATE:
      return 'hardware drops all it has cached';
    default:
      return `unknown action ${action}`;
  }
}

function actionOf(kind: number, operand: number): AdversaryAction {
  return ((kind << OPERAND_BITS) | operand) as AdversaryAction;
}
function kindOf(action: AdversaryAction): number {
  return action >>> OPERAND_BITS;
}
function operandOf(action: AdversaryAction): number {
  return action & ((1 << OPERAND_BITS) - 1);
}
