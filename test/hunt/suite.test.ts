import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { LogicalCpu } from '#tlblab/hardware/logical-cpu.js';
import { outcomesOf } from '#tlblab/hunt/suite/outcomes.js';
import { readingsOf } from '#tlblab/hunt/suite/readings.js';
import { type SuiteRow, suiteRow } from '#tlblab/hunt/suite/suite.js';
import { NOWHERE } from '#tlblab/memory/memory.js';
import { TsoMemory } from '#tlblab/memory/tso-memory.js';
import { parseSuite, type ReadsCase, type SuiteTest, type TableCase } from '#tlblab/program/suite.js';

const FILE = new URL('../data/x86-transistency.json', import.meta.url);
/** Shapes with many programs, each of which takes as long as all that are none. `selftest --suite` has both. */
const LONG = ['coat.ipi4', 'coat.ipi8'];
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

/** What memory holds in the end, as the sources of the tso section have it. */
const ASKED: Readonly<Record<string, string>> = {
  'co-mp': 'x=2',
  rfi000: 'x=2 y=2',
  rfi002: 'x=2 y=2',
  rfi004: 'x=2 y=2',
  rfi006: 'x=2',
  rfi008: 'x=2',
  rfi010: 'y=2',
  rfi012: 'y=2',
  rfi014: 'x=2',
  rfi016: 'x=2 y=2',
  rfi018: 'x=2',
  safe001: 'x=2 y=2',
  safe003: 'x=2',
  safe005: 'y=2',
  safe009: 'x=2',
  safe011: 'x=2 y=2',
  safe013: 'z=2',
  safe015: 'x=2 y=2',
  safe017: 'x=2 y=2',
  safe019: 'x=2',
  safe021: 'y=2',
  safe023: 'x=2',
  safe025: 'x=2',
  safe029: 'x=2 y=2',
  safe031: 'y=2 z=2',
  safe033: 'y=2',
  safe035: 'x=2',
};

function shownMemory(mem: Readonly<Record<string, number>> = {}): string {
  const parts = Object.entries(mem).map(([pa, value]) => `${pa.slice(1)}=${value}`);
  return parts.sort().join(' ');
}

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

/** CPU0 remaps a page and reads it, on CPU1 runs what is given: the two reads go to different physical pages. */
function remapShape(verdict: string, other: object[], read: string, more: object = {}): SuiteTest {
  const vas = ['0.1', '0.2', ...other.map((_, k) => `1.${k}`)].map((id) => ['0.0', id]);
  const threads = [[{ op: 'WPTE' }, { op: 'INVLPG', for: '0.0' }, { op: 'R' }], other];
  const counts = { VirtualAddress: '=2' };
  return one('handwritten', { verdict, threads, diff_pa: [['0.2', read]], same_va: vas, counts, ...more });
}
const OWED = { op: 'INVLPG', for: '0.0' };
const READ = { op: 'R' };

/** A buffer in which a new store changes places with the oldest. */
function lastInFirstOut(): void {
  interface Buffers {
    push(...entry: number[]): void;
    pending(cpu: number): number;
    set(word: number, value: number): void;
    readonly cpu: number;
    readonly words: Int32Array;
    readonly buffer: Record<'word' | 'low' | 'high', { at(cpu: number, i: number): number }>;
  }
  const { push } = TsoMemory.prototype as unknown as Buffers;
  vi.spyOn(TsoMemory.prototype as unknown as Buffers, 'push').mockImplementation(function (this: Buffers, ...entry) {
    push.apply(this, entry);
    const last = this.pending(this.cpu) - 1;
    const { word, low, high } = this.buffer;
    for (const column of [word, low, high]) {
      const [oldest, newest] = [column.at(this.cpu, 0), column.at(this.cpu, last)];
      const [a, b] = [this.words[oldest], this.words[newest]];
      this.set(oldest, b);
      this.set(newest, a);
    }
  });
}

describe('the published sample', () => {
  let sc: SuiteRow[];
  let tso: SuiteRow[];
  beforeAll(() => {
    const [, ...others] = LONG;
    const without = (ids: readonly string[]): SuiteTest[] => TESTS.filter(({ id }) => !ids.includes(id));
    // what they reach without store buffers they reach with them, too
    sc = without(LONG).map((test) => suiteRow(test, 'sc'));
    tso = without(others).map((test) => suiteRow(test, 'tso'));
  }, 600_000);

  const figures = (rows: readonly SuiteRow[]) =>
    Object.fromEntries(
      [...new Set(rows.map(({ section }) => section))].map((section) => {
        const own = rows.filter((row) => row.section === section);
        const decided = own.filter(({ agrees }) => agrees !== undefined);
        return [section, [own.length, decided.length, decided.filter(({ agrees }) => agrees).length]];
      }),
    );
  const undecided = (rows: readonly SuiteRow[]) => new Set(rows.flatMap((row) => row.undecided ?? []));

  it('agrees with store buffers, and all is decided but what values do not show', () => {
    expect(tso.filter(({ agrees }) => agrees === false)).toEqual([]);
    expect(figures(tso)).toEqual({
      handwritten: [15, 15, 15],
      tables: [43, 43, 43],
      tso: [46, 46, 46],
      synthesized: [44, 33, 33],
    });
    expect(undecided(tso)).toEqual(new Set(['not-user-visible']));
  });

  it('without them it lacks what only they show, and reaches nothing that is forbidden', () => {
    expect(figures(sc)).toEqual({
      handwritten: [14, 14, 13],
      tables: [43, 43, 43],
      tso: [46, 45, 39],
      synthesized: [44, 33, 33],
    });
    expect(undecided(sc)).toEqual(new Set(['not-user-visible', 'outcome-open']));
    expect(new Set(sc.flatMap((row) => row.disagreements.map(({ is }) => is)))).toEqual(new Set(['unreached']));
  });

  it('leaves the final memory that the sources of the tso section ask for, and seldom another', () => {
    const found = TESTS.filter(({ section }) => section === 'tso').map(({ id, cases }) => {
      const mems = readingsOf(cases[0] as ReadsCase).list.map(({ asked: { mem } }) => shownMemory(mem));
      return { id: id.slice('tso.'.length), mems };
    });
    // a source that asks for none lists all executions with these reads, or more
    for (const { id, mems } of found) expect(mems, id).toContain(ASKED[id] ?? '');
    const sure = found.filter(({ id, mems }) => ASKED[id] && mems.length === 1);
    expect([Object.keys(ASKED).length, sure.length]).toEqual([27, 17]);
  });
});

describe('broken hardware', () => {
  const sample = (id: string) => suiteRow(TESTS.find((test) => test.id === id) as SuiteTest, 'tso');
  const said = (id: string) => sample(id).disagreements.map(({ is }) => is);
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('whose fences do nothing is convicted', () => {
    expect(said('tso.amd5')).toEqual([]);
    vi.spyOn(TsoMemory.prototype, 'fence').mockImplementation(() => {});
    expect(said('tso.amd5')).toEqual(['forbidden']);
    expect(said('tso.safe033')).toEqual(['forbidden']);
  });

  it('whose stores leave the buffer before those older than they is convicted by final memory', () => {
    expect(said('tso.safe029')).toEqual([]);
    lastInFirstOut();
    expect(said('tso.safe029')).toEqual(['forbidden']);
  });

  it('whose interrupts come before the store that they tell of is convicted by a shape', () => {
    const shape = remapShape('forbidden', [OWED, READ], '1.1');
    expect(suiteRow(shape, 'sc').agrees).toBe(true);
    vi.spyOn(LogicalCpu.prototype, 'waitWhile').mockImplementation(function (this: LogicalCpu, point) {
      Object.assign(this, { point, word: NOWHERE });
      return undefined;
    });
    expect(suiteRow(shape, 'sc').disagreements).toMatchObject([
      { is: 'forbidden', outcome: { pages: { '1.1': 'Px' } } },
    ]);
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
    const seen = outcomesOf((own.cases[0] as TableCase).program, 'sc').outcomes.map(
      ({ reads }) => `${reads['0.0']} ${reads['0.1']}`,
    );
    expect(seen.sort()).toEqual(['10 10', '20 10', '20 20']);
  });
});

describe('shapes', () => {
  it('are reached where nothing forbids their pages, and only then', () => {
    expect(suiteRow(remapShape('permitted', [READ, OWED], '1.0'), 'sc').agrees).toBe(true);
    expect(suiteRow(remapShape('forbidden', [OWED, READ], '1.1'), 'sc').agrees).toBe(true);
    expect(suiteRow(remapShape('permitted', [OWED, READ], '1.1'), 'sc')).toMatchObject({
      agrees: false,
      disagreements: [{ is: 'unreached', outcome: undefined }],
    });
  });

  it('that are forbidden decide nothing if they are reached with no invalidation broken', () => {
    expect(suiteRow(remapShape('forbidden', [READ, OWED], '1.0'), 'sc')).toMatchObject({
      agrees: undefined,
      undecided: 'pages-only',
    });
  });

  it('never contradict the outcome tables that some of the sample have beside them', () => {
    const { handwritten } = JSON.parse(readFileSync(FILE, 'utf8')) as { handwritten: { outcomes?: object }[] };
    const bare = handwritten.flatMap(({ outcomes, ...shape }) => (outcomes ? [shape] : []));
    const rows = parseSuite(JSON.stringify({ handwritten: bare }), 'sample').map((test) => suiteRow(test, 'tso'));
    expect(Object.fromEntries(rows.map(({ id, agrees, undecided }) => [id, agrees ?? undecided]))).toEqual({
      'coat.dirtybittest': true,
      'coat.dirtybit3': true,
      'coat.sb': true,
      // what makes these forbidden is what is read
      'coat.mp': 'pages-only',
      'coat.n5_synonym': 'pages-only',
      'coat.ptwalk2': 'pages-only',
    });
  });

  it('of a program that is not said in full decide nothing', () => {
    expect(suiteRow(remapShape('permitted', [READ, OWED], '1.0', { counts: {} }), 'sc')).toMatchObject({
      agrees: undefined,
      undecided: 'shape-open',
    });
  });
});

describe('outcomes of which only the reads are told', () => {
  const stores = [
    [
      { op: 'W', va: 'x', val: 1 },
      { op: 'W', va: 'y', val: 2 },
    ],
    [
      { op: 'W', va: 'y', val: 1 },
      { op: 'W', va: 'x', val: 2 },
    ],
  ];
  const verdict = (says: string, more: object = {}) =>
    suiteRow(one('tso', { verdict: says, threads: stores, ...more }), 'tso');

  it('are judged by the final memory that their number of executions and the verdict leave', () => {
    // no order of these stores ends with the first of each thread; every other final memory comes about
    expect(verdict('forbidden', { alternatives: 1 }).agrees).toBe(true);
    expect(verdict('permitted', { alternatives: 1 }).agrees).toBe(true);
    // any final memory is meant: some come about
    expect(verdict('forbidden', { alternatives: 4 })).toMatchObject({ agrees: false });
    expect(verdict('permitted', { alternatives: 4 }).agrees).toBe(true);
  });

  it('stay open if no final memory has so many executions, or not all reads are meant', () => {
    expect(verdict('forbidden', { alternatives: 3 })).toMatchObject({ agrees: undefined, undecided: 'outcome-open' });
    const fenced = { verdict: 'permitted', threads: FENCED };
    expect(suiteRow(one('tso', { ...fenced, alternatives: 1 }), 'tso').agrees).toBe(false);
    expect(suiteRow(one('tso', { ...fenced, alternatives: 4 }), 'tso').undecided).toBe('outcome-open');
  });

  it('stay open where there are too many ways to read them', () => {
    const access = (k: number) => ({ op: k % 2 ? 'R' : 'W', va: `v${k}`, val: 1 });
    const thread = (accesses: number, fences: number) => [
      ...Array.from({ length: accesses }, (_, k) => access(k)),
      ...Array(fences).fill({ op: 'MFENCE' }),
    ];
    const readings = (threads: object[][]) =>
      readingsOf(one('tso', { verdict: 'permitted', threads }).cases[0] as ReadsCase).list.length;
    expect(readings([thread(6, 2)])).toBe(15);
    expect(readings([thread(20, 12)])).toBe(0);
    expect(readings(Array(6).fill(thread(4, 3)))).toBe(0);
    // twelve stores to one page come in 479,001,600 orders
    expect(readings([Array(12).fill(access(0))])).toBe(0);
  });

  it('hold in every place of a fence that bears the verdict out', () => {
    const late = SB.map(([store, load]) => [store, { ...store, op: 'R', reads: 1 }, load, { op: 'MFENCE' }]);
    const { cases } = one('tso', { verdict: 'forbidden', threads: late });
    const places = readingsOf(cases[0] as ReadsCase).list.map(({ program }) =>
      program.threads.map((events) => events.findIndex(({ op }) => op === 'MFENCE')),
    );
    expect(places).toEqual([
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
    ]);
    expect(suiteRow(one('tso', { verdict: 'forbidden', threads: late }), 'tso').agrees).toBe(true);
  });
});

describe('values that come about legally, too', () => {
  const synthesized = (user_visible: boolean | null, read: number) =>
    one('synthesized', {
      user_visible,
      threads: [[{ op: 'R', va: 'x' }]],
      init: { map: { x: 'Px' }, mem: { Px: 10 } },
      outcome: { reads: { '0.0': read }, mem: { Px: 10 }, pte: { x: { pa: 'Px' } } },
    });

  it('decide nothing, but must be reached', () => {
    expect(suiteRow(synthesized(false, 10), 'sc')).toMatchObject({ agrees: undefined, undecided: 'not-user-visible' });
    expect(suiteRow(synthesized(false, 11), 'sc').disagreements.map(({ is }) => is)).toEqual(['unreached']);
  });

  it('decide nothing once they are reached, if it is not known that they do', () => {
    expect(suiteRow(synthesized(null, 10), 'sc').undecided).toBe('legality-unknown');
    expect(suiteRow(synthesized(null, 11), 'sc').agrees).toBe(true);
    expect(suiteRow(synthesized(true, 10), 'sc').disagreements.map(({ is }) => is)).toEqual(['forbidden']);
  });
});
