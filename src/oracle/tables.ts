/** The ghost words: what the oracle knows beside the machine. They lie in the image, so reset, hash and snapshots cover them. */
import type { Geometry } from '../hardware/geometry.ts';
import type { CpuId, Pfn } from '../hardware/types.ts';
import { GUP_PAGES } from '../kernel/mm/gup.ts';
import type { FileId, MmId, TaskId } from '../kernel/types.ts';
import { table } from '../memory/table.ts';

const oracle = 'oracle' as const;

/** Index of a page of an address space, mm * pages + vpn, or, behind all of those, of a page of a file. */
export type PageKey = number & { readonly brand: 'PageKey' };
/** Index of a word of a page: page key * wordsPerPage + word. */
export type WordKey = number & { readonly brand: 'WordKey' };

/** Operations that one task can have in flight: a system call, a fault in it, interrupts, nested duties. */
export const OP_DEPTH = 6;
/** Enders of versions that are kept per page; all but one of them can be asked for. An older one counts as still in flight. */
export const ENDERS = 8;
/** Writes that are remembered by value. */
export const WRITES = 1 << 12;

/** Key of the first page of file 0, which does not exist. */
export const fileBase = (g: Geometry): number => (g.mms + 1) * g.pages;
const pageRows = (g: Geometry): number => fileBase(g) + (g.files + 1) * g.filePages;

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

/** Per page of an address space or of a file; of a file's page only the discarders and `changedAt` say something. */
export const GHOST_PAGE = table<PageKey, Geometry>()('ghostPage', pageRows, {
  /** Raised by each PTE change that removes, narrows or retargets. */
  version: oracle,
  /** Operation that made version v, at v % ENDERS, and the step at which it did. */
  ender: { owner: oracle, width: () => ENDERS },
  endedAt: { owner: oracle, width: () => ENDERS },
  /** The how manieth end of a version of any page that was; the stepper only. */
  endedTime: { owner: oracle, width: () => ENDERS },
  /** Ends of versions, plus one, when the latest call began that takes something away here and has returned; the stepper only. */
  settled: oracle,
  /** The same for stores only: of calls that leave the right to load. Never below `settled`. */
  settledStores: oracle,
  /** The entry whose removal made the present version; 0 if that was no removal. */
  goneLo: oracle,
  goneHi: oracle,
  /** First version after the last call that took the mapping away: older translations lead to another object. */
  objectVersion: oracle,
  /** Rights that some order of the operations in flight allows, and rights that every order allows. VM_* bits. */
  maxRights: oracle,
  minRights: oracle,
  /** Operations in flight that change rights here. */
  changing: oracle,
  /** Raised in threads whenever rights change here: judges in others read it before and after. */
  rightsSeq: oracle,
  /** Ghost clock when the last operation that changes rights here, or that writes the file's page, returned. */
  changedAt: oracle,
  /** What the page shows: 0 anonymous memory, a file's page as `Backed` of backing.ts, and whether it has a copy of its own. */
  backing: oracle,
  copied: oracle,
  /** What it will show when the operation in flight that changes it is over; how many of them are in flight. */
  nextBacking: oracle,
  rebacking: oracle,
  /** 1: operations overlapped, and what it shows is not followed. */
  unsure: oracle,
  /** Ghost clock when one of the five above changed last. */
  backedAt: oracle,
  /** Discarders in flight, and the ghost clock when the last one returned. */
  discarding: oracle,
  discardedAt: oracle,
  /** Ghost clock when the oldest of those in flight began; 0 if there is none. */
  discardingSince: oracle,
  /** Number of the first store that a soft-dirty tracker must be told of; of one that a userfaultfd must; 0: none. */
  softDue: oracle,
  wpDue: oracle,
  /** Write protections in flight, and the ghost clock when the last one returned. */
  protecting: oracle,
  protectedAt: oracle,
});

/** Per word of private memory: which of its writes a load may still return. */
export const GHOST_WORD = table<WordKey, Geometry>()('ghostWord', (g) => pageRows(g) * g.wordsPerPage, {
  /** Sequence number of the last write; 0: none yet. */
  last: oracle,
  /** Writes with smaller numbers are illegal because of a write or a discarder that has returned. */
  floor: oracle,
  /** Writes with smaller numbers are illegal because of a load that has ended. */
  seenFloor: oracle,
  /** May zero be loaded? A `Zero` of content.ts. */
  zero: oracle,
  /** `floor` and `zero` when the oldest fork in flight of the address space, or fsync of the file, began. */
  forkFloor: oracle,
  forkZero: oracle,
});

/** The last WRITES writes by sequence number modulo WRITES. */
export const GHOST_WRITE = table<number, Geometry>()('ghostWrite', () => WRITES, {
  seq: oracle,
  value: oracle,
  /** Whose memory was written to: see `ownerOf` of ghost.ts. */
  owner: oracle,
  /** Word key, and the write(2) in flight that wrote it; 0 for a store, which returns at once. */
  key: oracle,
  op: oracle,
  /** The write of the same word before this one; mremap puts the writes of the word's old place there. */
  before: oracle,
  /** Sequence number of the last write of all when the store began. */
  began: oracle,
  /** Of another client's write: ghost clock when the server had answered it, if revalidation shows it from then on; else 0. */
  reached: oracle,
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
  /** Of the table of each level that a walk of the kernel without a lock is in. */
  softEpoch: { owner: oracle, width: (g: Geometry) => g.levelBits.length },
});

/** Per task: its operations in flight, outermost first. */
export const GHOST_TASK = table<TaskId, Geometry>()('ghostTask', (g) => g.cpus + g.tasks, {
  depth: oracle,
  /** Identity of the operation at each depth; 0: none. */
  op: { owner: oracle, width: () => OP_DEPTH },
  kind: { owner: oracle, width: () => OP_DEPTH },
  /** Ghost clock when it began. */
  since: { owner: oracle, width: () => OP_DEPTH },
  /** Sequence number of the last write of all when it began. */
  writesBefore: { owner: oracle, width: () => OP_DEPTH },
  /** Ends of versions when a call began that takes pages away: so many that all of its pages by then are among them. */
  endsBefore: { owner: oracle, width: () => OP_DEPTH },
  /** 1: somebody keeps the identity of the operation in flight. */
  named: { owner: oracle, width: () => OP_DEPTH },
  /** Operations begun at each depth so far; in the stepper but those that left no trace. */
  count: { owner: oracle, width: () => OP_DEPTH },
  // what a system call was asked for; of a fault the first two, and VM_WRITE as rights if it was a store
  mm: { owner: oracle, width: () => OP_DEPTH },
  from: { owner: oracle, width: () => OP_DEPTH },
  pages: { owner: oracle, width: () => OP_DEPTH },
  rights: { owner: oracle, width: () => OP_DEPTH },
  to: { owner: oracle, width: () => OP_DEPTH },
  toPages: { owner: oracle, width: () => OP_DEPTH },
  fixed: { owner: oracle, width: () => OP_DEPTH },
  populate: { owner: oracle, width: () => OP_DEPTH },
  file: { owner: oracle, width: () => OP_DEPTH },
  pgoff: { owner: oracle, width: () => OP_DEPTH },
  /** Where mmap or mremap will place the mapping, plus one; 0 until that is known. */
  placed: { owner: oracle, width: () => OP_DEPTH },
  /** The same, if the rights there have changed with that. */
  opened: { owner: oracle, width: () => OP_DEPTH },
  /** Epoch of the frame of each page that get_user_pages has got, when it last read the entry. */
  heldEpoch: { owner: oracle, width: () => GUP_PAGES },
});

/** Per file. */
export const GHOST_FILE = table<FileId, Geometry>()('ghostFile', (g) => g.files + 1, {
  /** Lengths in pages that the operations in flight allow. */
  minSize: oracle,
  maxSize: oracle,
  /** Operations in flight that change the length, and the ghost clock when the last one returned. */
  resizing: oracle,
  resizedAt: oracle,
  /** Operations in flight at whose return the disk has what had returned before. */
  syncing: oracle,
  /** Operations in flight that may leave pages to be written back, and the ghost clock when the last one returned. */
  soiling: oracle,
  soiledAt: oracle,
  /** 1: there may be such pages; and the ghost clock when there last were none. */
  soiled: oracle,
  cleanAt: oracle,
  /** write(2) past the page cache in flight; 1: meanwhile, there may have been such pages. */
  direct: oracle,
  soiledUnderDirect: oracle,
});

/** Per address space. */
export const GHOST_MM = table<MmId, Geometry>()('ghostMm', (g) => g.mms + 1, {
  /** Identity of the fork that made it, until its content and rights are known; then 0. */
  fork: oracle,
  /** Forks of it in flight, and the ghost clock when the last one returned. */
  forking: oracle,
  forkedAt: oracle,
  /** mremaps of it in flight, and the ghost clock when the last one returned. */
  moving: oracle,
  movedAt: oracle,
  /** Clears of the soft-dirty marks in flight, and the ghost clock when the last one returned. */
  clearing: oracle,
  clearedAt: oracle,
});

export const GHOST_GLOBAL = table<number, Geometry>()('ghostGlobal', () => 1, {
  /** Sequence number of the last write of all. */
  writes: oracle,
  /** Faults of stores in flight: what they may be about is not known before they have returned. */
  storing: oracle,
  /** The ghost clock: raised when an operation that changes rights or content returns. Orders returns before begins. */
  clock: oracle,
  /** Ends of versions so far, of all pages; the stepper only. */
  ends: oracle,
  /** 1: some TLB may hold an entry that the probe has to look at. */
  suspect: oracle,
});

export const ORACLE_TABLES = {
  frame: GHOST_FRAME,
  page: GHOST_PAGE,
  word: GHOST_WORD,
  write: GHOST_WRITE,
  cpu: GHOST_CPU,
  task: GHOST_TASK,
  file: GHOST_FILE,
  mm: GHOST_MM,
  global: GHOST_GLOBAL,
} as const;
