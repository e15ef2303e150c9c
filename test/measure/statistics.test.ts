import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { change, changes, figure, median, relativeDeviation, zeroDayTable } from '#tlblab/measure/statistics.js';

describe('statistics', () => {
  it('a median is a value that was measured, with as many above as below', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
        const m = median(values);
        expect(values).toContain(m);
        expect(values.filter((v) => v < m).length).toBeLessThanOrEqual(values.length / 2);
        expect(values.filter((v) => v > m).length).toBeLessThanOrEqual(values.length / 2);
      }),
    );
    expect(() => median([])).toThrow(RangeError);
  });

  it('changes are pairwise, and unknown where there is nothing to compare with', () => {
    expect(change(200, 150)).toBe(-25);
    expect(change(0, 0)).toBe(0);
    expect(change(0, 7)).toBeUndefined();
    expect(changes([100, 200, 400], [50, 200, 600])).toEqual({ median: 0, min: -50, max: 50 });
    expect(changes([0, 1], [1, 1])).toBeUndefined();
  });

  it('deviation is in per cent of the mean', () => {
    expect(relativeDeviation([10, 10, 10])).toBe(0);
    expect(relativeDeviation([0, 0])).toBe(0);
    expect(relativeDeviation([8, 12])).toBeCloseTo(28.28, 1);
  });

  it('figures are grouped by thousands', () => {
    expect([0, 999, 1000, 1234567, -4321, 1234.56].map(figure)).toEqual([
      '0',
      '999',
      '1 000',
      '1 234 567',
      '-4 321',
      '1 234.6',
    ]);
  });

  it('comparisons have the layout of kernel test robots, without rows of zeros', () => {
    const table = zeroDayTable('mainline', 'eager', [
      { metric: 'requests', base: [100, 110, 90], values: [400, 410, 390] },
      { metric: 'avoided', base: [0, 0, 0], values: [0, 0, 0] },
      { metric: 'deferred', base: [0, 0, 0], values: [5, 5, 5] },
    ]);
    expect(table).toMatchInlineSnapshot(`
      "              mainline                            eager
              median %stddev    %change        median %stddev  metric
                 100   ± 10%    +300.0%           400    ± 3%  requests
                   0                new             5          deferred"
    `);
  });
});
