/**
 * get_user_pages_fast() keeps the page whose reference it got, without a second look at the entry. Where a flush needs no IPI
 * (arm64, x86 with INVLPGB) the page may have been freed and handed out again in between. Here every flush does need one, and
 * would wait for a CPU with interrupts off: so the walk leaves them on, as an RCU reader. With the second look that is
 * still right, and without it, but with interrupts off, nothing is freed: each of the two covers for the other.
 */
import { ptePfn, pteWord } from '../hardware/pte.ts';
import { LEAF_READ, pteAccessPermitted, readLeaf } from '../kernel/mm/gup-fast.ts';
import { leafIndex } from '../kernel/mm/pgtable.ts';
import { PTE_SPECIAL } from '../kernel/mm/pte-prot.ts';
import { rcuReadLock } from '../kernel/rcu/rcu.ts';
import { definePatch } from './patch.ts';

export const gupNoRecheck = definePatch({
  name: 'gup-no-recheck',
  says: 'get_user_pages_fast walks under RCU alone and does not look at the entry again when it has the reference',
  source: 'mm/gup.c gup_fast_pte_range() without the comparison behind try_grab_folio_fast()',

  *gupFast(cpu, gup) {
    rcuReadLock(cpu);
    yield* cpu.kernel.gupFastPgdRange(cpu, gup);
    yield* cpu.kernel.rcuReadUnlock(cpu);
  },
  *gupFastPte(cpu, gup, { pte }, vpn) {
    if (cpu.at(LEAF_READ, pteWord(cpu, pte, leafIndex(cpu.geometry, vpn)))) yield;
    const entry = readLeaf(cpu, pte, vpn);
    if (!pteAccessPermitted(entry, gup.write) || (entry & PTE_SPECIAL) !== 0) return false;
    cpu.observer?.pageFollowed(cpu, vpn - gup.start, ptePfn(entry));
    if (!(yield* cpu.kernel.folioTryGet(cpu, ptePfn(entry)))) return false;
    gup.pages.push(ptePfn(entry));
    return true;
  },
});
