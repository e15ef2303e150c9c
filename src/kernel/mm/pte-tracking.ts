/**
 * Linux: arch/x86/include/asm/pgtable.h and include/linux/userfaultfd_k.h: entries that are write-protected because somebody
 * wants to learn of writes. Plain arithmetic. Linux has both bits elsewhere in swap and migration entries, here at the same place.
 */
import { PTE_D } from '../../hardware/pte.ts';
import type { PteLo } from '../../hardware/types.ts';
import { MM_CP_UFFD_WP, MM_CP_UFFD_WP_RESOLVE, VM_SOFTDIRTY, VM_UFFD_WP } from '../types.ts';

/** _PAGE_UFFD_WP: not written to since it was write-protected. */
export const PTE_UFFD_WP = 1 << 10;
/** _PAGE_SOFT_DIRTY: written to since the last clear. Hardware does not set it: a writable entry has it, or nobody asks. */
export const PTE_SOFT_DIRTY = 1 << 11;
/** What an entry that stops being present keeps for when it comes back. */
export const PTE_TRACKED = PTE_UFFD_WP | PTE_SOFT_DIRTY;
/** Linux: pte_mkdirty(). */
export const PTE_DIRTIED = PTE_D | PTE_SOFT_DIRTY;

/** Linux: userfaultfd_pte_wp() or pte_needs_soft_dirty_wp(): must a first store fault, whoever may write to the page? */
export function pteTracksWrites(lo: PteLo, vmFlags: number): boolean {
  if ((vmFlags & VM_UFFD_WP) !== 0 && (lo & PTE_UFFD_WP) !== 0) return true;
  return (vmFlags & VM_SOFTDIRTY) === 0 && (lo & PTE_SOFT_DIRTY) === 0;
}

/** Linux: pte_mkuffd_wp() and pte_clear_uffd_wp(), as change_pte_range() applies them; rights are changed elsewhere. */
export function pteChangeUffdWp(lo: number, cpFlags: number): PteLo {
  if ((cpFlags & MM_CP_UFFD_WP) !== 0) return (lo | PTE_UFFD_WP) as PteLo;
  return ((cpFlags & MM_CP_UFFD_WP_RESOLVE) !== 0 ? lo & ~PTE_UFFD_WP : lo) as PteLo;
}
