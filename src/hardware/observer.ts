/**
 * What hardware tells an observer (the oracle). Every call happens inside the step of the event it reports. An observer
 * touches ghost words only; it never changes what the machine does.
 */
import type { LogicalCpu } from './logical-cpu.ts';
import type { AccessKind, Pfn, TlbSlot, Vpn } from './types.ts';

/** 0 is the demand walk, 1 the speculative one. */
export type WalkId = 0 | 1;

export interface HardwareObserver {
  /** CR3 was loaded: later walks of this CPU start at that root. */
  rootLoaded(cpu: LogicalCpu, pgd: Pfn): void;
  /** A walk starts at the root, or at the table that paging-structure-cache slot `psc` points to. */
  walkStarts(cpu: LogicalCpu, walk: WalkId, table: Pfn, psc: number): void;
  /** A walk is about to read (or, to set A or D, to write) an entry of `table`. */
  walkReads(cpu: LogicalCpu, walk: WalkId, table: Pfn): void;
  /** A walk read a pointer to the next table. */
  walkDescends(cpu: LogicalCpu, walk: WalkId, table: Pfn): void;
  /** The pointer a walk just followed was put in slot `psc` of the paging-structure cache. */
  pscFilled(cpu: LogicalCpu, walk: WalkId, psc: number): void;
  /** A walk filled TLB slot `slot` from the leaf it read or updated in this very step. */
  tlbFilled(cpu: LogicalCpu, slot: TlbSlot, vpn: Vpn, pfn: Pfn): void;
  /** A user access was performed through `slot` on word `word` of its frame; `value` is what was loaded or stored. */
  accessed(cpu: LogicalCpu, slot: TlbSlot, vpn: Vpn, word: number, kind: AccessKind, value: number): void;
  /** An entry of a page table is about to change (kernel stores and hardware A/D updates alike). */
  pteChanges(
    cpu: LogicalCpu,
    table: Pfn,
    index: number,
    oldLo: number,
    newLo: number,
    oldHi: number,
    newHi: number,
  ): void;
}
