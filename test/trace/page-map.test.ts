import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PageMap } from '#tlblab/trace/page-map.js';

const range = fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 10 })).map(([from, n]) => ({ from, to: from + n }));

describe('PageMap', () => {
  it('agrees with one value per page', () => {
    const change = fc.record({ range, value: fc.option(fc.nat(5)) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), range, (changes, asked) => {
        const map = new PageMap<number>();
        const plain = new Map<number, number>();
        for (const { range: r, value } of changes) {
          if (value === null) map.delete(r.from, r.to);
          else map.set(r.from, r.to, value);
          for (let page = r.from; page < r.to; page++) {
            if (value === null) plain.delete(page);
            else plain.set(page, value);
          }
        }
        const found = map.within(asked.from, asked.to);
        const gaps = map.gaps(asked.from, asked.to);
        for (let page = asked.from; page < asked.to; page++) {
          const covers = (s: { from: number; to: number }) => page >= s.from && page < s.to;
          expect(found.filter(covers).map((s) => s.value)).toEqual(plain.has(page) ? [plain.get(page)] : []);
          expect(gaps.filter(covers)).toHaveLength(plain.has(page) ? 0 : 1);
        }
        expect([...found, ...gaps].every((s) => s.from >= asked.from && s.to <= asked.to && s.from < s.to)).toBe(true);
      }),
    );
  });
});
