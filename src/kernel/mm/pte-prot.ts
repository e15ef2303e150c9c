/**
 * Linux: arch/x86/include/asm/pgtable.h, pgtable_types.h and tlbflush.h: what the bits of an entry mean to the kernel. All
 * plain arithmetic on entries already read.
 */
import { PTE_A, PTE_D, PTE_G, PTE_NX, PTE_P, PTE_PS, PTE_RW, PTE_SOFT, PTE_US, ptePfn } from '../../hardware/pte.ts';
import type { Pfn, PteHi, PteLo } from '../../hardware/types.ts';
import {
  type SwapSlot,
  VM_EXEC,
  VM_NO_WRITENOTIFY,
  VM_READ,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_UFFD_WP,
  VM_WRITE,
} from '../types.ts';

/** _PAGE_PROTNONE: P clear and G set: a page of a mapping without rights. Hardware sees an entry that is not present. */
export const PTE_PROTNONE = PTE_G;
/** _PAGE_SPECIAL: no folio behind the entry (the zero page). */
export const PTE_SPECIAL = 1 << 9;
/** An entry that points to a table (_PAGE_TABLE). */
export const TABLE_BITS = PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D;

const PFN_MASK = ~0xfff;
/** _PAGE_CHG_MASK: what a change of protection keeps. */
const CHG_MASK = PFN_MASK | PTE_A | PTE_D | PTE_SOFT;

/** Linux: pte_present(): maps a page, even if hardware may not use it. */
export function pteMapped(lo: PteLo): boolean {
  return (lo & (PTE_P | PTE_PROTNONE)) !== 0;
}
/** Linux: pte_protnone(). In a mapping with rights: the next use is to be noticed (a NUMA hint). */
export function pteProtnone(lo: PteLo): boolean {
  return (lo & (PTE_P | PTE_PROTNONE)) === PTE_PROTNONE;
}
/** Linux: pte_none(). */
export function pteNone(lo: PteLo): boolean {
  return lo === 0;
}

/** vma_wants_writenotify() says no: nobody wants to know of a first store, no tracker either. */
const WRITABLE_AT_ONCE = VM_WRITE | VM_SHARED | VM_NO_WRITENOTIFY | VM_SOFTDIRTY;

/**
 * Linux: vm_page_prot, low half. Writable only in shared mappings of memory files: elsewhere the first store must find out about
 * COW, or tell the file system.
 */
export function protLo(vmFlags: number): number {
  if ((vmFlags & (VM_READ | VM_WRITE | VM_EXEC)) === 0) return PTE_PROTNONE | PTE_A;
  const writable = (vmFlags & (WRITABLE_AT_ONCE | VM_UFFD_WP)) === WRITABLE_AT_ONCE ? PTE_RW : 0;
  return PTE_P | PTE_US | PTE_A | writable;
}
/** The high half: no execution unless the mapping says so. */
export function protHi(vmFlags: number): PteHi {
  return ((vmFlags & VM_EXEC) !== 0 ? 0 : PTE_NX) as PteHi;
}
/** Linux: pte_modify(), low half. */
export function pteModify(lo: PteLo, vmFlags: number): PteLo {
  return ((lo & CHG_MASK) | (protLo(vmFlags) & ~CHG_MASK)) as PteLo;
}

/** Linux: vm_normal_page(): the counted frame behind a mapped entry; 0 if there is none (the zero page). */
export function vmNormalPage(lo: PteLo): Pfn {
  return ((lo & PTE_SPECIAL) !== 0 ? 0 : ptePfn(lo)) as Pfn;
}

/**
 * Linux: pte_needs_flush() (B-12): a bit that lets hardware act was cleared, or rights, size or frame changed. A cleared A
 * is ignored: a stale A is accepted.
 */
export function pteNeedsFlush(oldLo: PteLo, oldHi: PteHi, newLo: PteLo, newHi: PteHi): boolean {
  if ((oldLo & PTE_P) === 0) return false;
  if (ptePfn(oldLo) !== ptePfn(newLo)) return true;
  const diff = oldLo ^ newLo;
  if ((diff & oldLo & (PTE_D | PTE_P)) !== 0) return true;
  return (diff & (PTE_RW | PTE_US | PTE_PS | PTE_G)) !== 0 || ((oldHi ^ newHi) & PTE_NX) !== 0;
}

/** A non-present entry of a page on the swap device: the slot lies where a present one has its frame. */
const PTE_SWAP = 1 << 9;
/** _PAGE_SWP_EXCLUSIVE: no other entry leads to that page, in a swap or a migration entry of anonymous memory. */
export const PTE_SWP_EXCLUSIVE = 1 << 3;

/** Linux: swp_entry_to_pte(); `bits`: PTE_SWP_EXCLUSIVE, and those of pte-tracking.ts, where a present entry has them. */
export function mkSwap(slot: SwapSlot, bits: number): PteLo {
  return ((slot << 12) | PTE_SWAP | bits) as PteLo;
}
/** Linux: pte_to_swp_entry(): the slot, or 0 if the entry is no swap entry. */
export function swapSlotOf(lo: PteLo): SwapSlot {
  return (pteMapped(lo) || (lo & PTE_SWAP) === 0 ? 0 : lo >>> 12) as SwapSlot;
}

/**
 * A non-present entry that stands for a folio on the move (Linux: SWP_MIGRATION_READ, _READ_EXCLUSIVE and _WRITE); RW, A and
 * D say what it had, PTE_SWP_EXCLUSIVE whether an anonymous folio was exclusive.
 */
const PTE_MIGRATION = PTE_PS;

/** Linux: make_readable_migration_entry(), make_writable_migration_entry(). */
export function mkMigration(folio: Pfn, bits: number): PteLo {
  return ((folio << 12) | PTE_MIGRATION | bits) as PteLo;
}
/** The folio on the move, or 0 if the entry is no migration entry. */
export function migrationPfn(lo: PteLo): Pfn {
  return (pteMapped(lo) || (lo & PTE_MIGRATION) === 0 ? 0 : ptePfn(lo)) as Pfn;
}
export function isMigrationOf(lo: PteLo, folio: Pfn): boolean {
  return migrationPfn(lo) === folio;
}
