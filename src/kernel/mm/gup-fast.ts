/**
 * Linux: mm/gup.c gup_fast(): from the root to the page without any lock, interrupts off. That keeps what the walk is in: an
 * unhooked table (free-pgtables.ts, pt-reclaim.ts) goes to the gather, whose flush waits for this CPU to take an IPI, and from
 * there to RCU (mmu-gather.ts, rcu/callbacks.ts), for which a CPU with interrupts off is a reader: it cannot switch tasks and
 * takes neither tick nor rcu_exp_handler(), so it reports no quiescent state.
 *
 * It does not keep the page: where a flush needs no IPI the page may be freed at any moment. Hence a reference is only taken
 * if there still is one, and then counts only if the entry is what it was. With the flush by IPI the second look still
 * matters to who judges by references before it has flushed: MADV_FREE discard clears the entry, reads the references, then
 * the dirty mark (lazyfree.ts), and one of the two must see the other. Migration and reclaim read them behind the entry, too.
 */
import { localIrqRestore, localIrqSave } from '../../hardware/apic.ts';
import { pteIndex } from '../../hardware/geometry.ts';
import { PTE_P, PTE_RW, PTE_US, pteLoad, ptePfn, ptePresent, pteWord } from '../../hardware/pte.ts';
import type { Pfn, PteLo, Vpn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import type { Gup } from './gup.ts';
import { entrySpan, leafIndex, pmdLevel } from './pgtable.ts';
import { PTE_SPECIAL } from './pte-prot.ts';

export const UPPER_READ = point('gupFast: interrupts off, next upper entry to be read');
export const LEAF_READ = point('gupFast: table found, pte to be read');
export const PMD_AGAIN = point('gupFast: reference taken, is the pmd entry the same?');
export const PTE_AGAIN = point('gupFast: pmd entry the same, is the pte, too?');

/** The table of a pte, and the pmd entry that led there. */
export interface LeafTable {
  readonly pte: Pfn;
  readonly pmd: Pfn;
}

/** Linux: gup_fast(): as many pages as it gets from the first on, of the address space that is loaded on this CPU. */
export function* gupFast(cpu: Cpu, gup: Gup): Path<void> {
  localIrqSave(cpu);
  yield* cpu.kernel.gupFastPgdRange(cpu, gup);
  localIrqRestore(cpu);
}

/** Linux: gup_fast_pgd_range(). Interrupts off. */
export function* gupFastPgdRange(cpu: Cpu, gup: Gup): Path<void> {
  const root = cpu.mm.pgd.load(gup.mm) as Pfn;
  cpu.observer?.softWalkDescends(cpu, 0, root);
  yield* belowTable(cpu, gup, root, 0, { start: gup.start, end: gup.start + gup.nrPages });
}

/** Linux: gup_fast_p4d_range() to gup_fast_pmd_range(), each upper entry read once: false if the fast way ends here. */
function* belowTable(
  cpu: Cpu,
  gup: Gup,
  table: Pfn,
  level: number,
  range: { start: number; end: number },
): Path<boolean> {
  const g = cpu.geometry;
  // a root without tables below
  if (level > pmdLevel(g)) return yield* cpu.kernel.gupFastPteRange(cpu, gup, { pte: table, pmd: table }, range);
  const span = entrySpan(g, level);
  for (let at = range.start; at < range.end; ) {
    const end = Math.min(range.end, at - (at % span) + span);
    const index = pteIndex(g, at as Vpn, level);
    if (cpu.at(UPPER_READ, pteWord(cpu, table, index))) yield;
    cpu.observer?.softWalkReads(cpu, level, table, at as Vpn);
    const entry = pteLoad(cpu, table, index);
    if (!ptePresent(entry)) return false;
    const below = ptePfn(entry);
    cpu.observer?.softWalkDescends(cpu, level + 1, below);
    const rest = { start: at, end };
    const done =
      level === pmdLevel(g)
        ? yield* cpu.kernel.gupFastPteRange(cpu, gup, { pte: below, pmd: table }, rest)
        : yield* belowTable(cpu, gup, below, level + 1, rest);
    if (!done) return false;
    at = end;
  }
  return true;
}

/** Linux: gup_fast_pte_range(). Interrupts off, which is an RCU read section by itself. */
export function* gupFastPteRange(
  cpu: Cpu,
  gup: Gup,
  at: LeafTable,
  { start, end }: { start: number; end: number },
): Path<boolean> {
  for (let vpn = start; vpn < end; vpn++) if (!(yield* cpu.kernel.gupFastPte(cpu, gup, at, vpn as Vpn))) return false;
  return true;
}

/**
 * Linux: gup_fast_pte_range(), one entry: access permitted (no hint, no special page), try_grab_folio_fast(), the pmd entry and
 * the pte again. The reference that is dropped may be the last one by then.
 */
export function* gupFastPte(cpu: Cpu, gup: Gup, at: LeafTable, vpn: Vpn): Path<boolean> {
  const { kernel } = cpu;
  const index = leafIndex(cpu.geometry, vpn);
  if (cpu.at(LEAF_READ, pteWord(cpu, at.pte, index))) yield;
  const entry = readLeaf(cpu, at.pte, vpn);
  if (!pteAccessPermitted(entry, gup.write) || (entry & PTE_SPECIAL) !== 0) return false;
  const page = ptePfn(entry);
  cpu.observer?.pageFollowed(cpu, vpn - gup.start, page);
  if (!(yield* kernel.folioTryGet(cpu, page))) return false;
  if (!(yield* isUnchanged(cpu, at, vpn, entry))) {
    yield* kernel.folioPut(cpu, page);
    return false;
  }
  cpu.observer?.pageFollowed(cpu, vpn - gup.start, page);
  gup.pages.push(page);
  return true;
}

/** Linux: ptep_get_lockless(). All that matters of an entry lies in its low half. Contended: announce the word first. */
export function readLeaf(cpu: Cpu, pte: Pfn, vpn: Vpn): PteLo {
  cpu.observer?.softWalkReads(cpu, pmdLevel(cpu.geometry) + 1, pte, vpn);
  return pteLoad(cpu, pte, leafIndex(cpu.geometry, vpn));
}

/** Linux: pte_access_permitted(). */
export function pteAccessPermitted(entry: PteLo, write: boolean): boolean {
  const need = PTE_P | PTE_US | (write ? PTE_RW : 0);
  return (entry & need) === need;
}

/** The pmd entry still leads to the table, and the pte is what it was, bit by bit. */
function* isUnchanged(cpu: Cpu, { pte, pmd }: LeafTable, vpn: Vpn, entry: PteLo): Path<boolean> {
  const g = cpu.geometry;
  const level = pmdLevel(g);
  if (level >= 0) {
    const index = pteIndex(g, vpn, level);
    if (cpu.at(PMD_AGAIN, pteWord(cpu, pmd, index))) yield;
    cpu.observer?.softWalkReads(cpu, level, pmd, vpn);
    const now = pteLoad(cpu, pmd, index);
    if (!ptePresent(now) || ptePfn(now) !== pte) return false;
  }
  if (cpu.at(PTE_AGAIN, pteWord(cpu, pte, leafIndex(g, vpn)))) yield;
  return readLeaf(cpu, pte, vpn) === entry;
}
