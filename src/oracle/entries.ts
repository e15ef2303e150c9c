/** Page tables as they are when the machine rests. */
import type { Geometry } from '../hardware/geometry.ts';
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
export function entryOf(tables: Tables, { levelBits }: Geometry, mm: MmId, vpn: Vpn): PteLo {
  let table = tables.mm.pgd.peek(mm) as Pfn;
  let lo = PTE_NONE;
  let shift = levelBits.reduce((a, b) => a + b, 0);
  for (const bits of levelBits) {
    shift -= bits;
    const index = Math.floor(vpn / 2 ** shift) % 2 ** bits;
    lo = tables.frame.words.peek(table, index * 2) as PteLo;
    if (!maps(lo)) return shift === 0 ? lo : PTE_NONE;
    table = ptePfn(lo);
  }
  return lo;
}
