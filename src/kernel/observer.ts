/** The port through which the kernel (and, below it, the hardware) tells an observer what happens. `src/oracle` implements it. */
import type { HardwareObserver } from '../hardware/observer.ts';
import type { AccessKind, Pfn, Vpn } from '../hardware/types.ts';
import type { Cpu } from './cpu.ts';
import type { MmId } from './types.ts';

export const OWNER_FREE = 0;
export const OWNER_USER = 1;
export const OWNER_TABLE = 2;
export const OWNER_KERNEL = 3;
export type FrameOwner = typeof OWNER_FREE | typeof OWNER_USER | typeof OWNER_TABLE | typeof OWNER_KERNEL;

export interface Observer extends HardwareObserver {
  /** The allocator hands `pfn` to an owner. */
  frameHandedOut(cpu: Cpu, pfn: Pfn, owner: FrameOwner): void;
  /** `pfn` goes back to the allocator. */
  frameFreed(cpu: Cpu, pfn: Pfn): void;
  /** The table in frame `table` becomes reachable: it maps pages from `base` of `mm`; `level` 0 is the root. */
  tableLinked(cpu: Cpu, mm: MmId, table: Pfn, level: number, base: Vpn): void;
  /** mremap moves a whole table, or the table is unhooked (mm = -1). */
  tableUnlinked(cpu: Cpu, mm: MmId, table: Pfn): void;
  /** A fault ended with this signal for the current task. */
  signalled(cpu: Cpu, vpn: Vpn, signal: number, kind: AccessKind): void;
}
