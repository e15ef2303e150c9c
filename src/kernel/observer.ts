/** The port through which the kernel (and, below it, the hardware) tells an observer what happens. `src/oracle` implements it. */
import type { HardwareObserver } from '../hardware/observer.ts';
import type { AccessKind, Pfn, Vpn } from '../hardware/types.ts';
import type { Cpu } from './cpu.ts';
import type { FileId, MmId, SwapSlot } from './types.ts';

export const OWNER_FREE = 0;
export const OWNER_USER = 1;
export const OWNER_TABLE = 2;
export const OWNER_KERNEL = 3;
export type FrameOwner = typeof OWNER_FREE | typeof OWNER_USER | typeof OWNER_TABLE | typeof OWNER_KERNEL;

/** A word of a page that is held by a reference: where it was mapped when it was got, and where it lies. */
export interface HeldWord {
  readonly vpn: Vpn;
  readonly pfn: Pfn;
  readonly word: number;
}

export interface Observer extends HardwareObserver {
  /** The allocator hands `pfn` to an owner. */
  frameHandedOut(cpu: Cpu, pfn: Pfn, owner: FrameOwner): void;
  /** `pfn` goes back to the allocator. */
  frameFreed(cpu: Cpu, pfn: Pfn): void;
  /** The table in frame `table` becomes reachable: it maps pages from `base` of `mm`; `level` 0 is the root. */
  tableLinked(cpu: Cpu, mm: MmId, table: Pfn, level: number, base: Vpn): void;
  /** mremap moves a whole table, or the table is unhooked (mm = -1). */
  tableUnlinked(cpu: Cpu, mm: MmId, table: Pfn): void;
  /**
   * mmap without MAP_FIXED, or mremap that grows or moves, has chosen its place: the mapping will start at page `start` of
   * `mm`.
   */
  placed(cpu: Cpu, mm: MmId, start: number): void;
  /**
   * write(2) has put a word into a page of the page cache or, if it is direct, of the disk, or the write of another client into that of
   * the server: the operation in flight of the current task is the writer.
   */
  fileStored(cpu: Cpu, file: FileId, index: number, word: number, value: number, at: 'cache' | 'disk' | 'server'): void;
  /** read(2) has taken a word from a page of the page cache, or of the disk. */
  fileLoaded(cpu: Cpu, file: FileId, index: number, word: number, value: number): void;
  /**
   * The mmap in flight of the current task maps a new file of that length, which holds zeroes; and: nobody maps that file any
   * more.
   */
  zeroSetup(cpu: Cpu, file: FileId, pages: number): void;
  fileEvicted(cpu: Cpu, file: FileId): void;
  /** A walk of the kernel without a lock follows a pointer to `table`, of `level` (0: the root), and then reads entries there. */
  softWalkDescends(cpu: Cpu, level: number, table: Pfn): void;
  softWalkReads(cpu: Cpu, level: number, table: Pfn, vpn: Vpn): void;
  /** get_user_pages() has read the entry of the `nth` page of its range, which maps `pfn`. Without a lock it reads it twice. */
  pageFollowed(cpu: Cpu, nth: number, pfn: Pfn): void;
  /** The kernel has accessed that page through the direct map, by the reference that it holds. */
  heldAccessed(cpu: Cpu, nth: number, at: HeldWord, kind: AccessKind, value: number): void;
  /** The kernel has written a word of a page that private mapping at `vpn` alone has: a breakpoint, or the instruction again. */
  probeWritten(cpu: Cpu, mm: MmId, vpn: Vpn, word: number, value: number, isRegister: boolean): void;
  /** A slot of the page cache changes: 0 is empty, negative a shadow entry, else a frame. */
  slotChanges(cpu: Cpu, file: FileId, index: number, oldSlot: number, newSlot: number): void;
  /** The words of a folio are about to go out to their slot of the swap device, or to come in from there. */
  swapMoves(cpu: Cpu, pfn: Pfn, slot: SwapSlot, way: 'in' | 'out'): void;
  /** The kernel begins a duty on its own account (reclaim by an allocating task): an operation nested in what the task does. */
  dutyBegins(cpu: Cpu, duty: 'reclaim'): void;
  dutyEnds(cpu: Cpu): void;
  /**
   * pagemap tells the running task, of its page `vpn`, whether it is soft-dirty, and whether it counts as written for a
   * userfaultfd.
   */
  writesReported(cpu: Cpu, vpn: Vpn, softDirty: boolean, written: boolean): void;
  /** A fault ended with this signal for the current task. */
  signalled(cpu: Cpu, vpn: Vpn, signal: number, kind: AccessKind): void;
}
