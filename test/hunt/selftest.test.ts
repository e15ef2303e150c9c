import { describe, expect, it } from 'vitest';
import { PARTIAL_ORDER, pct, UNIFORM, walk } from '#tlblab/hunt/selftest/chains.js';
import { chanceOfHit, chanceOfOrders } from '#tlblab/hunt/selftest/exact.js';
import { HIT_PROGRAMS, twoBy } from '#tlblab/hunt/selftest/programs.js';
import { BOUND, chanceRow, selftest } from '#tlblab/hunt/selftest/selftest.js';
import { parseTiny, type TinyProgram } from '#tlblab/program/tiny-program.js';

/** Chances that others have enumerated: random walk, URW, PCT-2, PCT-3, POS (that one simulated, to 0.002). */
const KNOWN: Record<string, [number, number, number, number, number]> = {
  'lost-update': [1 / 2, 2 / 3, 1 / 4, 5 / 12, 0.334],
  'order-violation': [1 / 2, 1 / 2, 1 / 2, 1 / 2, 0.5],
  'check-then-use': [1 / 4, 1 / 3, 1 / 6, 1 / 4, 0.25],
  'check-then-use-4': [63 / 512, 7938 / 46189, 1 / 38, 3 / 76, 0.068],
  reorder: [20 / 81, 14 / 45, 1 / 9, 2 / 9, 0.323],
  'last-writer': [1 / 4096, 1 / 13, 1 / 13, 1 / 24, 0.0003],
  'stale-tlb': [1 / 4, 3 / 10, 1 / 5, 1 / 4, 0.25],
};

describe('exact chances', () => {
  it('are those of the literature', () => {
    expect(HIT_PROGRAMS.map(({ name }) => name)).toEqual(Object.keys(KNOWN));
    for (const program of HIT_PROGRAMS) {
      const [random, urw, pct2, pct3, pos] = KNOWN[program.name];
      expect(chanceOfHit(program, walk(0))).toBeCloseTo(random, 10);
      expect(chanceOfHit(program, UNIFORM)).toBeCloseTo(urw, 10);
      expect(chanceOfHit(program, pct(2))).toBeCloseTo(pct2, 10);
      expect(chanceOfHit(program, pct(3))).toBeCloseTo(pct3, 10);
      expect(Math.abs((chanceOfHit(program, PARTIAL_ORDER) as number) - pos)).toBeLessThan(0.002);
    }
  });

  it('PCT-1 hits nothing but bugs of depth 1', () => {
    const hit = HIT_PROGRAMS.filter((program) => chanceOfHit(program, pct(1)) !== 0).map(({ name }) => name);
    expect(hit).toEqual(['order-violation', 'last-writer']);
  });

  it('of the 252 orders of two threads of five events', () => {
    const random = [...chanceOfOrders(twoBy(5), walk(0)).values()];
    expect([Math.min(...random), Math.max(...random)]).toEqual([1 / 512, 1 / 32]);
    expect([1, 2].map((depth) => chanceOfOrders(twoBy(5), pct(depth)).size)).toEqual([2, 10]);
  });
});

describe('selftest', () => {
  const result = selftest(1, 4000);

  it('every strategy hits as often as it should, and shows orders as evenly', () => {
    expect([...result.chances, ...result.orders].filter(({ ok }) => !ok)).toEqual([]);
    expect(result.chances).toHaveLength(7 * 11);
    const orders = Object.fromEntries(result.orders.map(({ strategy, seen }) => [strategy, seen]));
    expect(orders).toMatchObject({ random: 252, urw: 252, 'pct-1': 2, 'pct-2': 10 });
  });

  it('sleep sets leave one run for each trace', () => {
    const counts = result.counts.map(({ program, seen }) => [program, seen.traces, seen.blocked]);
    expect(counts).toEqual([
      ['readers-2', 4, 1],
      ['readers-3', 8, 6],
      ['readers-4', 16, 25],
      ['last-zero-2', 5, 3],
      ['last-zero-3', 12, 18],
      ['last-zero-4', 28, 84],
      ['two-by-5', 252, 0],
    ]);
  });

  it('notices a strategy that is wrong', () => {
    // a sticky walk is no random walk: 1/16 instead of 1/2
    const { expected, seen } = chanceRow(HIT_PROGRAMS[0], 'sticky', 1, 4000);
    const deviations = (seen - 4000 / 2) / Math.sqrt(4000 / 4);
    expect(expected).toBeCloseTo(1 / 16);
    expect(Math.abs(deviations)).toBeGreaterThan(BOUND);
  });
});

describe('tiny programs as text', () => {
  const TEXT = String.raw`TINY handover "a flag before its data"
{ data = 0; flag = 0; }
 P0             | P1                    ;
 write flag = 1 | read flag -> f until 0 ;
 write data = 5 | read data -> d        ;
                | write data = d + 1    ;
forbidden (P1:f = 1 /\ data = 1 \/ data = -1);`;

  it('say what the threads do and which outcome counts', () => {
    const program: TinyProgram = parseTiny(TEXT, 'handover.tiny');
    expect(program).toEqual({
      name: 'handover',
      says: 'a flag before its data',
      words: [0, 0],
      threads: [
        [
          { do: 'write', word: 1, value: 1 },
          { do: 'write', word: 0, value: 5 },
        ],
        [
          { do: 'read', word: 1, into: 0, until: 0 },
          { do: 'read', word: 0, into: 1 },
          { do: 'write', word: 0, register: 1, value: 1 },
        ],
      ],
      forbidden: [
        [
          { thread: 1, at: 0, value: 1 },
          { thread: -1, at: 0, value: 1 },
        ],
        [{ thread: -1, at: 0, value: -1 }],
      ],
    });
    // P0's flag, then P1 up to its write, then P0's data, each a walk's pick of one in two; P1's write is left
    expect(chanceOfHit(program, walk(0))).toBeCloseTo(0.0625, 10);
  });

  it.each([
    ['TINY', 'x.tiny:1:5: end of file; expected a name'],
    ['TINY a { x = 0; } P0; idle; forbidden (x = 1)', 'x.tiny:1:23: "idle"; expected two or more columns'],
    ['TINY a { x = 0; } P0 | P1; read y -> a |; forbidden (x = 1)', '"y"; expected one of the words x'],
    ['TINY a { x = 0; } P0 | P1; write x = r |; forbidden (x = 1)', 'expected a register that an earlier read'],
    ['TINY a { x = 0; } P0 | P1; idle | idle;', 'end of file; expected a row, or "forbidden" and a condition'],
    ['TINY a { x = 0; } P0 | P1; forbidden (x = 1)', '2 threads with 0 events; expected at most 6 threads'],
    ['TINY a { x = 0; } P0 | P1; idle; forbidden (x = 1)', 'expected "|": the row has 2 columns'],
    ['TINY a { x = 0; } P0 | P1; idle | idle; forbidden (P2:r = 1)', 'expected one of the threads P0, P1'],
  ])('%s is refused in one line', (text, message) => {
    expect(() => parseTiny(text, 'x.tiny')).toThrow(message);
  });
});
