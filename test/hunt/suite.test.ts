import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { outcomesOf, type SuiteRow, suiteRow } from '#tlblab/hunt/suite/suite.js';
import { parseSuite, type SuiteTest } from '#tlblab/program/suite.js';

const FILE = new URL('../data/x86-transistency.json', import.meta.url);
const TESTS = parseSuite(readFileSync(FILE, 'utf8'), 'sample');

/** Store buffering, with and without a fence on each side; both loads read the old value only behind store buffers. */
const SB = [
  [
    { op: 'W', va: 'x', val: 1 },
    { op: 'R', va: 'y', reads: 0 },
  ],
  [
    { op: 'W', va: 'y', val: 1 },
    { op: 'R', va: 'x', reads: 0 },
  ],
];
const FENCED = SB.map(([store, load]) => [store, { op: 'MFENCE' }, load]);

function one(section: string, test: object): SuiteTest {
  return parseSuite(JSON.stringify({ [section]: [{ id: 'own', ...test }] }), 'own')[0];
}

/** CPU1 remaps x; CPU0 reads it, having invalidated it on CPU1's behalf or not. */
function remap(invalidates: boolean): SuiteTest {
  const read = { op: 'R', va: 'x' };
  const outcome = (value: number) => ({
    reads: { [`0.${invalidates ? 1 : 0}`]: value },
    mem: { Po: 20, Pn: 10 },
    map: { x: 'Pn' },
  });
  return one('tables', {
    threads: [
      invalidates ? [{ op: 'INVLPG', va: 'x', for: '1.0' }, read] : [read],
      [
        { op: 'WPTE', va: 'x', pa: 'Pn' },
        { op: 'INVLPG', va: 'x', for: '1.0' },
      ],
    ],
    init: { map: { x: 'Po' }, mem: { Po: 20, Pn: 10 } },
    permitted: [outcome(10)],
    forbidden: [outcome(20)],
  });
}

describe('the published sample', () => {
  let sc: SuiteRow[];
  let tso: SuiteRow[];
  beforeAll(() => {
    sc = TESTS.map((test) => suiteRow(test, 'sc'));
    tso = TESTS.map((test) => suiteRow(test, 'tso'));
  }, 240_000);

  const figures = (rows: readonly SuiteRow[]) =>
    Object.fromEntries(
      [...new Set(rows.map(({ section }) => section))].map((section) => {
        const own = rows.filter((row) => row.section === section);
        const decided = own.filter(({ agrees }) => agrees !== undefined);
        return [section, [own.length, decided.length, decided.filter(({ agrees }) => agrees).length]];
      }),
    );

  it('agrees in every test that values decide, with store buffers', () => {
    expect(tso.filter(({ agrees }) => agrees === false)).toEqual([]);
    expect(figures(tso)).toEqual({
      handwritten: [16, 6, 6],
      tables: [43, 43, 43],
      tso: [46, 27, 27],
      synthesized: [44, 33, 33],
    });
  });

  it('without them it lacks what only they show, and reaches nothing that is forbidden', () => {
    expect(figures(sc)).toEqual({
      handwritten: [16, 6, 5],
      tables: [43, 43, 43],
      tso: [46, 27, 21],
      synthesized: [44, 33, 33],
    });
    expect(new Set(sc.flatMap((row) => row.disagreements.map(({ is }) => is)))).toEqual(new Set(['unreached']));
  });
});

describe('outcomes', () => {
  it('of store buffering need store buffers, and fences take them away', () => {
    const verdicts = (threads: object) =>
      (['sc', 'tso'] as const).map((memory) => suiteRow(one('tso', { verdict: 'permitted', threads }), memory).agrees);
    expect(verdicts(SB)).toEqual([false, true]);
    expect(verdicts(FENCED)).toEqual([false, false]);
    // as a file may give it: the fence behind the accesses
    expect(verdicts(SB.map((events) => [...events, { op: 'MFENCE' }]))).toEqual([false, false]);
  });

  it('of a locked operation: it drains the buffer first', () => {
    const lock = [
      { op: 'R', va: 'z', flags: ['RMW'] },
      { op: 'W', va: 'z', val: 3, flags: ['RMW'] },
    ];
    const threads = SB.map(([store, load]) => [store, ...lock, load]);
    expect(suiteRow(one('tso', { verdict: 'permitted', threads }), 'tso').agrees).toBe(false);
  });

  it('of a remap: the old page is out of reach behind the INVLPG that is owed, and not without it', () => {
    for (const memory of ['sc', 'tso'] as const) {
      expect(suiteRow(remap(true), memory).agrees).toBe(true);
      const { agrees, disagreements } = suiteRow(remap(false), memory);
      expect([agrees, disagreements.map(({ is }) => is)]).toEqual([false, ['forbidden']]);
    }
  });

  it('show evictions that nobody asked for: with no INVLPG two loads may read old, then new', () => {
    const read = { op: 'R', va: 'x' };
    const own = one('tables', {
      threads: [[read, read], [{ op: 'WPTE', va: 'x', pa: 'Pn' }]],
      init: { map: { x: 'Po' }, mem: { Po: 20, Pn: 10 } },
      permitted: [],
      forbidden: [],
    });
    const seen = outcomesOf(own.cases[0].program, 'sc').outcomes.map(({ reads }) => `${reads['0.0']} ${reads['0.1']}`);
    expect(seen.sort()).toEqual(['10 10', '20 10', '20 20']);
  });
});
