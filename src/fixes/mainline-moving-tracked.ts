/**
 * clear_refs takes the right to write from a page on the move as from any other: it comes back read-only, and the next store
 * faults and leaves a mark.
 */
import { definePatch } from '../bugs/patch.ts';
import { PTE_RW, pteLoad, pteStore, pteWord } from '../hardware/pte.ts';
import type { PteHi, PteLo } from '../hardware/types.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { NO_PAGE } from '../kernel/mm/page-alloc.ts';
import { leafIndex } from '../kernel/mm/pgtable.ts';
import { migrationPfn } from '../kernel/mm/pte-prot.ts';
import { point } from '../memory/point.ts';

const MOVES = point('mainline-moving-tracked: does the page move, and may it be written to?');
const PROTECTS = point('mainline-moving-tracked: writable migration entry found, to become read-only');

export const mainlineMovingTracked = definePatch({
  name: 'mainline-moving-tracked',
  says: 'mainline: a clear of the soft-dirty marks makes writable migration entries read-only',
  source: 'findings/mainline-soft-dirty-migration.md',
  asksRcu: false,

  *clearSoftDirty(cpu, pte, vpn) {
    const index = leafIndex(cpu.geometry, vpn);
    const word = pteWord(cpu, pte, index);
    if (cpu.at(MOVES, word)) yield;
    const seen = pteLoad(cpu, pte, index);
    if (migrationPfn(seen) !== NO_PAGE && (seen & PTE_RW) !== 0) {
      if (cpu.at(PROTECTS, word)) yield;
      pteStore(cpu, pte, index, (seen & ~PTE_RW) as PteLo, 0 as PteHi);
    }
    yield* MAINLINE.clearSoftDirty(cpu, pte, vpn);
  },
});
