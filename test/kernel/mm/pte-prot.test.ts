/** Which change of an entry owes a flush (B-12), over all bits at once. */
import { describe, expect, it } from 'vitest';
import { PTE_A, PTE_D, PTE_G, PTE_NX, PTE_P, PTE_RW, PTE_SOFT, PTE_US } from '#tlblab/hardware/pte.js';
import type { PteHi, PteLo } from '#tlblab/hardware/types.js';
import { protHi, protLo, pteMapped, pteModify, pteNeedsFlush, vmNormalPage } from '#tlblab/kernel/mm/pte-prot.js';

const BITS = [PTE_P, PTE_RW, PTE_US, PTE_A, PTE_D, PTE_G, PTE_SOFT];
const NAMES = ['P', 'RW', 'US', 'A', 'D', 'G', 'soft'];
const entry = (set: number, pfn = 5): PteLo =>
  BITS.reduce((lo, bit, i) => ((set >> i) & 1 ? lo | bit : lo), pfn << 12) as PteLo;

describe('pteNeedsFlush', () => {
  it('B-12: D or P taken away, or RW, US, G, NX or the frame changed; never A or software bits; never from P = 0', () => {
    for (let before = 0; before < 1 << BITS.length; before++) {
      for (let after = 0; after < 1 << BITS.length; after++) {
        const lost = (name: string): boolean => ((before & ~after) >> NAMES.indexOf(name)) % 2 === 1;
        const changed = (name: string): boolean => ((before ^ after) >> NAMES.indexOf(name)) % 2 === 1;
        const owed = before % 2 === 1 && (lost('D') || lost('P') || changed('RW') || changed('US') || changed('G'));
        expect(pteNeedsFlush(entry(before), 0 as PteHi, entry(after), 0 as PteHi)).toBe(owed);
      }
    }
    const present = entry(1);
    expect(pteNeedsFlush(present, 0 as PteHi, present, PTE_NX as PteHi)).toBe(true);
    expect(pteNeedsFlush(present, 0 as PteHi, entry(1, 6), 0 as PteHi)).toBe(true);
    expect(pteNeedsFlush(entry(0), 0 as PteHi, entry(1, 6), PTE_NX as PteHi)).toBe(false);
  });
});

describe('rights of an entry', () => {
  it('a mapping without rights keeps its page but hardware finds nothing there', () => {
    const lo = pteModify(entry(0b0011111), 0);
    expect(lo & PTE_P).toBe(0);
    expect(pteMapped(lo)).toBe(true);
    expect(vmNormalPage(lo)).toBe(5);
    const back = pteModify(lo, 3);
    expect(back & (PTE_P | PTE_US | PTE_G)).toBe(PTE_P | PTE_US);
    expect(back & PTE_D).toBe(PTE_D);
  });

  it('no new entry of a private mapping is writable by its protection alone, and only VM_EXEC clears NX', () => {
    for (let flags = 0; flags < 8; flags++) {
      expect(protLo(flags) & PTE_RW).toBe(0);
      expect(protHi(flags) !== 0).toBe((flags & 4) === 0);
    }
  });
});
