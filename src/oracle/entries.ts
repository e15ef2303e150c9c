/** Page tables as they are when the machine rests. */
import { type Geometry, pteIndex } from '../hardware/geometry.ts';
import { PTE_G, PTE_NONE, PTE_P, ptePfn } from '../hardware/pte.ts';
import type { Pfn, PteLo, Vpn } from '../hardware/types.ts';
import type { MmId } from '../kernel/types.ts';
import type { Ghost } from './ghost.ts';

/** What page tables are found by. */
type Tables = Pick<Ghost['machine'], 'mm' | 'frame'>;

/** Present, or a page without rights: P clear and G set, as Linux marks PROT_NONE. */
export function maps(lo: number): boolean {
  return (lo & (PTE_P | PTE_G)) !== 0;
}

/** The leaf entry of the page, or 0 if there is no table. */
export function entryOf(tables: Tables, g: Geometry, mm: MmId, vpn: Vpn): PteLo {
  const last = g.levelBits.length - 1;
  let table = tables.mm.pgd.peek(mm) as Pfn;
  let lo = PTE_NONE;
  for (let level = 0; level <= last; level++) {
    lo = tables.frame.words.peek(table, pteIndex(g, vpn, level) * 2) as PteLo;
    if (!maps(lo)) return level === last ? lo : PTE_NONE;
    table = ptePfn(lo);
  }
  return lo;
}
