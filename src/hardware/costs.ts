/**
 * Cycles that each hardware event costs, as named profiles. The single figures are orders of magnitude; what is fitted is
 * the round trip of a call-function interrupt (`ipiRoundTrip`). Read results as ratios, not as microseconds.
 */
import type { CpuId } from './types.ts';

/** Cycles per event. "Near" is within a socket, "far" across. */
export interface CostProfile {
  readonly name: string;
  /** Cycles per microsecond. */
  readonly cyclesPerMicrosecond: number;
  readonly cpusPerSocket: number;
  /** One data access that finds its translation, cache hit. */
  readonly access: number;
  /** Added by an access to the slow node. */
  readonly slowAccess: number;
  /** Added by a hit in the first-level and in the second-level TLB. */
  readonly tlbHit: number;
  readonly tlbHitSecondLevel: number;
  /** A page walk, and each level of it that the paging-structure cache did not save. */
  readonly walk: number;
  readonly walkLevel: number;
  /** A level whose entry comes from DRAM instead of the caches. */
  readonly walkLevelDram: number;
  readonly invlpg: number;
  /** INVPCID of one address. */
  readonly invpcid: number;
  readonly cr3Flush: number;
  readonly cr3NoFlush: number;
  /** Write of the interrupt command register for the first target, and for each further one. */
  readonly ipiSend: number;
  readonly ipiSendExtraNear: number;
  readonly ipiSendExtraFar: number;
  readonly deliveryNear: number;
  readonly deliveryFar: number;
  /** Entry to and exit from an interrupt or exception handler. */
  readonly handler: number;
  /** Transfer of the cache line with which a target acknowledges. */
  readonly ackNear: number;
  readonly ackFar: number;
  /** Locked read-modify-write (a generation, an A or D bit), alone and under contention. */
  readonly lockedRmw: number;
  readonly lockedRmwContended: number;
  readonly invlpgb: number;
  readonly tlbsync: number;
}

/**
 * Two sockets of 40 logical CPUs at 2.5 GHz. Fitted so that one remote target takes 2.2 us (mean of near and far) and a
 * broadcast to the 79 others 80 to 95 us, as the call-function benchmark in the message of Linux commit 4180bf1b655a
 * found with x2APIC clusters; shares of the parts as estimated, then scaled. Memory behind CXL adds up to 100 ns to an access
 * (Maruf et al., TPP, ASPLOS 2023): in full, because programs name each page's words so rarely that no cache would hold them.
 */
const BARE_METAL: CostProfile = {
  name: 'bare-metal',
  cyclesPerMicrosecond: 2500,
  cpusPerSocket: 40,
  access: 4,
  slowAccess: 250,
  tlbHit: 0,
  tlbHitSecondLevel: 8,
  walk: 35,
  walkLevel: 15,
  walkLevelDram: 200,
  invlpg: 250,
  invpcid: 350,
  cr3Flush: 400,
  cr3NoFlush: 150,
  ipiSend: 640,
  ipiSendExtraNear: 1400,
  ipiSendExtraFar: 2800,
  deliveryNear: 1500,
  deliveryFar: 3200,
  handler: 1920,
  ackNear: 320,
  ackFar: 860,
  lockedRmw: 40,
  lockedRmwContended: 400,
  invlpgb: 300,
  tlbsync: 2000,
};

/**
 * A guest under load: one remote target takes about 40 us more than none, because the target's virtual CPU has to be
 * scheduled first (measured in a guest with two virtual CPUs); each send exits to the host (x2APIC physical mode of the
 * commit named above: 2.5 us per further target). Two-dimensional walks cost three times a native one.
 */
const VIRTUALISED: CostProfile = {
  ...BARE_METAL,
  name: 'virtualised',
  walk: 105,
  walkLevel: 45,
  walkLevelDram: 600,
  ipiSend: 3000,
  ipiSendExtraNear: 5600,
  ipiSendExtraFar: 5600,
  deliveryNear: 92_000,
  deliveryFar: 97_000,
  handler: 2100,
};

/** Every event takes no time: for hunting, where a clock would only make equal states look different. */
const TIMELESS: CostProfile = {
  ...(Object.fromEntries(Object.keys(BARE_METAL).map((event) => [event, 0])) as unknown as CostProfile),
  name: 'timeless',
  cyclesPerMicrosecond: BARE_METAL.cyclesPerMicrosecond,
  cpusPerSocket: BARE_METAL.cpusPerSocket,
};

export const COST_PROFILES: Readonly<Record<string, CostProfile | undefined>> = {
  'bare-metal': BARE_METAL,
  virtualised: VIRTUALISED,
  timeless: TIMELESS,
};

export function sameSocket(costs: CostProfile, a: CpuId, b: CpuId): boolean {
  return Math.floor(a / costs.cpusPerSocket) === Math.floor(b / costs.cpusPerSocket);
}

/** Cycles to write the interrupt command register for the `nth` target (0: the first) of one request. */
export function ipiSendCycles(costs: CostProfile, from: CpuId, to: CpuId, nth: number): number {
  if (nth === 0) return costs.ipiSend;
  return sameSocket(costs, from, to) ? costs.ipiSendExtraNear : costs.ipiSendExtraFar;
}

/** Cycles from send to the start of delivery. */
export function ipiDeliveryCycles(costs: CostProfile, from: CpuId, to: CpuId): number {
  return sameSocket(costs, from, to) ? costs.deliveryNear : costs.deliveryFar;
}

/** Cycles the sender spends to see the acknowledgement of `from`. */
export function ipiAckCycles(costs: CostProfile, to: CpuId, from: CpuId): number {
  return sameSocket(costs, from, to) ? costs.ackNear : costs.ackFar;
}

/**
 * Cycles from the first send until `sender` has seen the acknowledgement of all `targets`, if every target is running
 * with interrupts on and does nothing in its handler: sends follow one another, deliveries and handlers overlap, and
 * acknowledgements are read one by one.
 */
export function ipiRoundTrip(costs: CostProfile, sender: CpuId, targets: readonly CpuId[]): number {
  let sent = 0;
  let handled = 0;
  let acks = 0;
  targets.forEach((target, nth) => {
    sent += ipiSendCycles(costs, sender, target, nth);
    handled = Math.max(handled, sent + ipiDeliveryCycles(costs, sender, target) + costs.handler);
    acks += ipiAckCycles(costs, sender, target);
  });
  return handled + acks;
}
