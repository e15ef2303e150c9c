import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressFold } from '#tlblab/trace/address-fold.js';

const GIB = 2 ** 18;

describe('AddressFold', () => {
  it('keeps an address that no other falls onto, modulo 2^31', () => {
    const fold = new AddressFold([
      { from: 0x7f1ca4330, pages: 2 },
      { from: 0x1acb2, pages: 1 },
    ]);
    expect(fold.fold(0x7f1ca4330, 2)).toBe(0x7f1ca4330 % 2 ** 31);
    expect(fold.fold(0x1acb2, 1)).toBe(0x1acb2);
    expect(fold.isRelocated(0x7f1ca4330)).toBe(false);
  });

  it('moves what would fall onto another area', () => {
    const low = 5 * GIB + 17;
    const high = low + 2 ** 31;
    const fold = new AddressFold([
      { from: low, pages: 1 },
      { from: high, pages: 1 },
    ]);
    expect(fold.fold(low, 1)).toBe(low);
    expect(fold.fold(high, 1)).not.toBe(low);
    expect(fold.fold(high, 1)! % GIB).toBe(17);
    expect([fold.isRelocated(low), fold.isRelocated(high)]).toEqual([false, true]);
  });

  it('refuses a range larger than the machine', () => {
    const fold = new AddressFold([{ from: 0, pages: 2 ** 32 }]);
    expect(fold.fold(0, 2 ** 32)).toBeUndefined();
  });

  it('keeps distinct pages distinct, neighbours together and the low 18 bits as they were', () => {
    const range = fc.record({ from: fc.nat(2 ** 35 - 2 ** 20), pages: fc.integer({ min: 1, max: 3 * GIB }) });
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 12 }), (ranges) => {
        const fold = new AddressFold(ranges);
        const seen = new Map<number, number>();
        for (const { from, pages } of ranges) {
          const page = fold.fold(from, pages);
          expect(page).toBeDefined();
          expect(page! % GIB).toBe(from % GIB);
          expect(page! + pages).toBeLessThan(2 ** 31);
          for (const offset of [0, pages >> 1, pages - 1]) {
            expect(fold.fold(from + offset, 1)).toBe(page! + offset);
            expect(seen.get(page! + offset) ?? from + offset).toBe(from + offset);
            seen.set(page! + offset, from + offset);
          }
        }
      }),
    );
  });
});
