/** The ghost words: what the oracle knows beside the machine. They lie in the image, so reset, hash and snapshots cover them. */
import type { Geometry } from '../hardware/geometry.ts';
import type { CpuId, Pfn } from '../hardware/types.ts';
import type { MmId, TaskId } from '../kernel/types.ts';
import { table } from '../memory/table.ts';

const oracle = 'oracle' as const;

/** Index of a page of an address space: mm * pages + vpn. */
export type PageKey = number & { readonly brand: 'PageKey' };
/** Index of a word of a page: page key * wordsPerPage + word. */
export type WordKey = number & { readonly brand: 'WordKey' };

/** Operations that one task can have in flight: a system call, a fault in it, interrupts, nested duties. */
export const OP_DEPTH = 6;
/** Enders of versions that are remembered per page; an older one counts as still in flight. */
export const ENDERS = 4;
/** Writes that are remembered by value. */
export const WRITES = 1 << 12;

const pageRows = (g: Geometry): number => (g.mms + 1) * g.pages;

/** Ghost tables are dense; beyond this many pages in all address spaces a machine runs without the oracle. */
const MAX_PAGES = 1 << 19;

/** Whether the dense ghost tables of this geometry stay affordable. */
export function oracleFits(g: Geometry): boolean {
  return pageRows(g) <= MAX_PAGES;
}

/** Per frame: how often it was handed out, to whom, and, for a table, what it maps. */
export const GHOST_FRAME = table<Pfn, Geometry>()('ghostFrame', (g) => g.frames, {
  epoch: oracle,
  owner: oracle,
  /** Row of the mm that a linked table belongs to, plus one. */
  tableMm: oracle,
  tableLevel: oracle,
  /** First page that a linked table maps. */
  tableBase: oracle,
});

/** Per page of an address space. */
export const GHOST_PAGE = table<PageKey, Geometry>()('ghostPage', pageRows, {
  /** Raised by each PTE change that removes, narrows or retargets. */
  version: oracle,
  /** Operation that made version v, at v % ENDERS, and the step at which it did. */
  ender: { owner: oracle, width: () => ENDERS },
  endedAt: { owner: oracle, width: () => ENDERS },
  /** Rights that some order of the operations in flight allows, and rights that every order allows. VM_* bits. */
  maxRights: oracle,
  minRights: oracle,
  /** minRights before the first of the changes in flight. */
  keptMin: oracle,
  /** Operations in flight that change rights here. */
  changing: oracle,
  /** Two of them overlapped: which came last is not known until the next one that is alone. */
  ambiguous: oracle,
  /** Raised whenever rights change here: judges in other threads read it before and after. */
  rightsSeq: oracle,
  /** Step at which the last operation that changes rights here ended, plus one. */
  changedAt: oracle,
  /** Version from which on the page maps the present object. */
  objectVersion: oracle,
  /** Calls of mremap in flight that take pages from here or bring them, and the step at which the last one ended, plus one. */
  moving: oracle,
  movedAt: oracle,
  /** Discarders in flight, and the step at which the last one ended, plus one. */
  discarding: oracle,
  discardedAt: oracle,
});

/** Per word of private memory: which of its writes a load may still return. */
export const GHOST_WORD = table<WordKey, Geometry>()('ghostWord', (g) => pageRows(g) * g.wordsPerPage, {
  /** Sequence number of the last write; 0: none yet. */
  last: oracle,
  /** Oldest write that a returned write leaves legal. */
  floor: oracle,
  /** Oldest write that loads which have ended leave legal. */
  seenFloor: oracle,
  /** 0: zero (never written, or discarded) is legal; 1: a returned write forbids it; 2: only a load does. */
  zero: oracle,
  /** 1: moved by mremap while something else happened to it; any value is accepted until the next store or discard. */
  unsure: oracle,
});

/** The last WRITES writes by sequence number modulo WRITES. */
export const GHOST_WRITE = table<number, Geometry>()('ghostWrite', () => WRITES, {
  seq: oracle,
  value: oracle,
  /** Word key plus one. */
  key: oracle,
  /** The write of the same word before this one. */
  before: oracle,
});

const slots = { owner: oracle, width: (g: Geometry) => g.tlbSets * g.tlbWays };

/** Per CPU, beside its TLB, paging-structure cache and walkers. */
export const GHOST_CPU = table<CpuId, Geometry>()('ghostCpu', (g) => g.cpus, {
  tlbPage: slots,
  tlbVersion: slots,
  tlbEpoch: slots,
  tlbFilledAt: slots,
  pscEpoch: { owner: oracle, width: (g: Geometry) => g.pscEntries },
  rootEpoch: oracle,
  walkEpoch: { owner: oracle, width: () => 2 },
});

/** Per task: its operations in flight, outermost first. */
export const GHOST_TASK = table<TaskId, Geometry>()('ghostTask', (g) => g.cpus + g.tasks, {
  depth: oracle,
  /** Identity of the operation at each depth; 0: none. */
  op: { owner: oracle, width: () => OP_DEPTH },
  kind: { owner: oracle, width: () => OP_DEPTH },
  begunAt: { owner: oracle, width: () => OP_DEPTH },
  mm: { owner: oracle, width: () => OP_DEPTH },
  from: { owner: oracle, width: () => OP_DEPTH },
  pages: { owner: oracle, width: () => OP_DEPTH },
  rights: { owner: oracle, width: () => OP_DEPTH },
  to: { owner: oracle, width: () => OP_DEPTH },
  toPages: { owner: oracle, width: () => OP_DEPTH },
  fixed: { owner: oracle, width: () => OP_DEPTH },
  /** Sequence number of the last write when the operation began. */
  writesBefore: { owner: oracle, width: () => OP_DEPTH },
  /** Operations begun at each depth so far. */
  begun: { owner: oracle, width: () => OP_DEPTH },
});

/** Per address space. */
export const GHOST_MM = table<MmId, Geometry>()('ghostMm', (g) => g.mms + 1, {
  /** 1 once its content is known: from boot, or from the return of the fork that made it, until its last task exits. */
  settled: oracle,
});

export const GHOST_GLOBAL = table<number, Geometry>()('ghostGlobal', () => 1, {
  /** Sequence number of the last write of all. */
  writes: oracle,
});

export const ORACLE_TABLES = {
  frame: GHOST_FRAME,
  page: GHOST_PAGE,
  word: GHOST_WORD,
  write: GHOST_WRITE,
  cpu: GHOST_CPU,
  task: GHOST_TASK,
  mm: GHOST_MM,
  global: GHOST_GLOBAL,
} as const;
