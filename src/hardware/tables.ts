/** The words of the hardware: registers, TLB, paging-structure cache, walkers, APIC, physical memory. */
import { type Field, type Table, table } from '../memory/table.ts';
import type { Geometry } from './geometry.ts';
import { type CpuId, type Pfn, VECTORS } from './types.ts';

/** Any table of a machine: what is said of its rows and fields is then forgotten. */
export type AnyTable = Table<number, Geometry, Record<string, Field<Geometry>>>;

const perCpu = table<CpuId, Geometry>();
const cpus = (g: Geometry): number => g.cpus;
const mine = { private: 'cpu' } as const;
const ways = { owner: mine, width: (g: Geometry) => g.tlbSets * g.tlbWays };
const pscWays = { owner: mine, width: (g: Geometry) => g.pscEntries };
/** Walk registers exist twice: 0 is the demand walk of the running access, 1 the speculative walk. */
const walks = { owner: mine, width: () => 2 };

/** Registers of a CPU that matter to translation. */
export const REGS = perCpu('regs', cpus, {
  /** Frame of the root table in CR3; 0 before the first load. */
  cr3Pgd: mine,
  cr3Pcid: mine,
  /** Interrupts are off while this is above 0 (nested saves count). */
  irqOff: mine,
  /** Depth of interrupt handlers. */
  irqDepth: mine,
  /** Cycle clock, wraps at 2^32. */
  cycles: mine,
});

/** Words of the way predictor: the power of two that holds as many as the TLB has entries. */
export function tlbHints(g: Geometry): number {
  return 1 << Math.ceil(Math.log2(g.tlbSets * g.tlbWays));
}

/** The TLB: one entry per slot, spread over fields. A slot is free when its `lo` is 0; its other words are then 0 too. */
export const TLB = perCpu('tlb', cpus, {
  vpn: ways,
  pcid: ways,
  /** Accumulated rights (AND of RW, AND of US), P, A, D and G of the leaf, and the frame, as a low PTE word. */
  lo: ways,
  /** Accumulated NX, as a high PTE word. */
  hi: ways,
  /** Next victim way of each set, round robin. */
  victim: { owner: mine, width: (g: Geometry) => g.tlbSets },
  /** Way predictor of the fast path: the slot last used for a page, by the low bits of its number. Only a guess, checked at use. */
  hint: { owner: mine, width: tlbHints },
});

/** The paging-structure cache: pointers to lower tables with the accumulated rights of the levels above. */
export const PSC = perCpu('psc', cpus, {
  /** Level of the table pointed to plus one (0: slot free); level 0 is the root. */
  level: pscWays,
  /** The virtual page number's bits above that level. */
  tag: pscWays,
  pcid: pscWays,
  pfn: pscWays,
  lo: pscWays,
  hi: pscWays,
  victim: mine,
});

/** Page walks in progress. */
export const WALK = perCpu('walk', cpus, {
  /** 1 while a walk is in progress. An invalidation, and for the demand walk an interrupt, sets it back to 0. */
  active: walks,
  vpn: walks,
  /** Level of the table to be read next. */
  level: walks,
  table: walks,
  /** Accumulated rights so far. */
  lo: walks,
  hi: walks,
  /** The entry read at this level when its A (or D) bit has still to be set; 0 otherwise. */
  pending: walks,
  /** High word read together with `pending`. */
  pendingHi: walks,
});

/** One word per (other CPU, vector). */
const messages = { owner: mine, width: (g: Geometry) => g.cpus * VECTORS };

/** Local APIC: interrupts sent and not yet delivered. */
export const APIC = perCpu('apic', cpus, {
  /** Bit v: vector v is pending. A bit set twice before delivery is one interrupt. */
  irr: 'shared',
  /** 1: a STARTUP message has come. Only a CPU that waits for one looks. */
  startup: 'shared',
  /** Word target * VECTORS + v: this CPU's clock when it last set that bit. Bookkeeping of the clock only, see apic.ts. */
  sentAt: messages,
  /** Word sender * VECTORS + v: the stamp of the message last taken from that sender. */
  takenAt: messages,
});

/** Physical memory. A frame holds a page's content words, or a table's entries as pairs of words. */
export const FRAME = table<Pfn, Geometry>()('frame', (g) => g.frames, {
  /**
   * Never touched: held (`mem.acquired`) by the one who prepares a frame that nobody else can name yet. It is two words
   * wide to keep the entries of a table on even words.
   */
  preparing: { owner: 'shared', width: () => 2 },
  words: { owner: { guardedBy: 'preparing' }, width: (g: Geometry) => g.frameWords },
});

/** Event counters of each CPU; sums over CPUs are what `measure` prints. */
export const COUNTERS = perCpu('count', cpus, {
  accesses: mine,
  /** Those of `accesses` that went to the slow node. */
  slowAccesses: mine,
  tlbHits: mine,
  tlbMisses: mine,
  walkSteps: mine,
  spuriousFaults: mine,
  pageFaults: mine,
  /** All vectors. */
  ipisSent: mine,
  /** Those of `ipisSent` that only ask for a look at the run queue. */
  reschedules: mine,
  interrupts: mine,
  fullFlushes: mine,
  pageFlushes: mine,
});

/** Every table of the hardware in the order in which the image holds them. */
export const HARDWARE_TABLES = {
  regs: REGS,
  tlb: TLB,
  psc: PSC,
  walk: WALK,
  apic: APIC,
  frame: FRAME,
  count: COUNTERS,
} as const;
