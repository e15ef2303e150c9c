/** The words of the hardware: registers, TLB, paging-structure cache, walkers, APIC, physical memory. */
import { table } from '../memory/table.ts';
import type { Geometry } from './geometry.ts';
import type { CpuId, Pfn } from './types.ts';

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

/** The TLB: one entry per slot, spread over fields. A slot is free when `valid` is 0. */
export const TLB = perCpu('tlb', cpus, {
  valid: ways,
  vpn: ways,
  pcid: ways,
  /** Accumulated rights (AND of RW, AND of US), D and G of the leaf, and the frame, as a low PTE word. */
  lo: ways,
  /** Accumulated NX, as a high PTE word. */
  hi: ways,
  /** Next victim way of each set, round robin. */
  victim: { owner: mine, width: (g: Geometry) => g.tlbSets },
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
});

/** Local APIC: interrupts sent and not yet delivered. */
export const APIC = perCpu('apic', cpus, {
  /** Bit v: vector v is pending. A bit set twice before delivery is one interrupt. */
  irr: 'shared',
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
  tlbHits: mine,
  tlbMisses: mine,
  walkSteps: mine,
  spuriousFaults: mine,
  pageFaults: mine,
  ipisSent: mine,
  interrupts: mine,
  fullFlushes: mine,
  pageFlushes: mine,
});
