import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadInput } from '#tlblab/program/bad-input.js';
import { parseSuite, type ShapeCase, type SuiteTest, type TableCase } from '#tlblab/program/suite.js';

const SAMPLE = readFileSync(new URL('../data/x86-transistency.json', import.meta.url), 'utf8');

function file(sections: object): SuiteTest[] {
  return parseSuite(JSON.stringify(sections), 'own.json');
}

/** The one line that is said of a file. */
function said(sections: unknown): string {
  try {
    parseSuite(typeof sections === 'string' ? sections : JSON.stringify(sections), 'own.json');
  } catch (error) {
    if (error instanceof BadInput) return error.message;
    throw error;
  }
  return 'nothing';
}

const init = { map: { x: 'Px', y: 'Py' }, mem: { Px: 10, Py: 20 } };
const table = (threads: object[][], more: object = {}) => ({
  tables: [{ id: 'own', threads, init, permitted: [], forbidden: [], ...more }],
});
const R = { op: 'R', va: 'x' };
const remap = (va: string) => ({ op: 'WPTE', va, pa: 'Py' });

describe('a suite file', () => {
  it('may hold one section alone, fields that nobody knows, and more threads and pages than the published one', () => {
    const all = JSON.parse(SAMPLE) as Record<string, object[]>;
    for (const section of ['handwritten', 'tables', 'tso', 'synthesized']) {
      expect(file({ [section]: all[section] })).toHaveLength(all[section].length);
    }
    const vas = Array.from({ length: 9 }, (_, i) => `va${i}`);
    const own = { map: Object.fromEntries(vas.map((va) => [va, 'P'])), mem: { P: -1 } };
    const threads = Array.from({ length: 6 }, (_, t) =>
      vas.map((va) => ({ op: t % 2 ? 'R' : 'W', va, val: t, extra: 1 })),
    );
    const [{ cases }] = file({ ...table(threads, { init: own, comment: 'new' }), another: 'section' });
    const { program } = cases[0] as TableCase;
    expect(program).toMatchObject({ map: own.map, mem: own.mem });
    expect(program.threads.map(({ length }) => length)).toEqual(Array(6).fill(9));
  });

  it('that is wrong is refused with one line that says what, where, and what was expected', () => {
    const outcome = { reads: {}, mem: {}, map: {} };
    const shape = { id: 's', verdict: 'permitted', counts: { VirtualAddress: '=2' } };
    const lines: [unknown, RegExp][] = [
      ['{', /^own\.json: .*JSON.*; expected a suite with sections /],
      ['[]', /^own\.json: a list of 0; expected an object$/],
      [{}, /^own\.json: no test; expected a suite with sections /],
      [{ tables: {} }, /^own\.json: tables: \{\}; expected an array$/],
      [table([]), /^own\.json: tables\[0\]\.threads: a list of 0; expected at least 1 of them$/],
      [table(Array(7).fill([R])), /^own\.json: tables\[0\]\.threads: a list of 7; expected at most 6 of them$/],
      [table([Array(33).fill(R)]), /threads\[0\]: a list of 33; expected at most 32 of them$/],
      [table([[{ op: 'X' }]]), /threads\[0\]\[0\]\.op: "X"; expected a known operation: R, W, WPTE, INVLPG, MFENCE$/],
      [table([[{ op: 'W', va: 'x', val: 2 ** 31 }]]), /\[0\]\.val: 2147483648; expected at most 2147483647$/],
      [table([[{ ...R, va: 'q' }]]), /threads\[0\]\[0\]\.va: q; expected a page of init\.map$/],
      [table([[{ ...R, va: 'constructor' }]]), /\.va: constructor; expected a page of init\.map$/],
      [table([[{ op: 'WPTE', va: 'x', pa: 'toString' }]]), /\.pa: toString; expected a page of init\.mem$/],
      [table([[{ op: 'INVLPG', va: 'x', for: '0.1' }, remap('y')]]), /\.for: 0\.1; expected the name of a WPTE of x$/],
      [table([[{ op: 'INVLPG', va: 'x', for: '00.1' }, remap('x')]]), /\.for: "00\.1"; expected the name of an event/],
      [table([[{ ...R, rmw_with: '0.1' }, R]]), /half of a locked operation; expected a store to x next$/],
      [
        table([[{ op: 'W', va: 'x', val: 1, flags: ['RMW'] }]]),
        /half of a locked operation; expected a load of x before$/,
      ],
      [
        table([
          [{ op: 'INVLPG', va: 'x', for: '1.1' }, remap('y')],
          [{ op: 'INVLPG', va: 'y', for: '0.1' }, remap('x')],
        ]),
        /threads\[0\]: 0\.0 waits for ever; expected invalidations that do not wait for each other$/,
      ],
      [table([[R]], { init: { map: { x: 'Pq' }, mem: {} } }), /init\.map\.x: Pq; expected a page of init\.mem$/],
      [table([[R]], { permitted: [{ ...outcome, reads: { '0.1': 1 } }] }), /: reads: 0\.1; expected one of 0\.0$/],
      [table([[R]], { forbidden: [{ ...outcome, mem: { Pq: 1 } }] }), /: mem: Pq; expected one of Px, Py$/],
      [table([[R]], { forbidden: [{ ...outcome, map: { x: 'Pq' } }] }), /: map: Pq; expected one of Px, Py$/],
      [
        { tso: [{ id: 't', verdict: 'permitted', threads: [[R, remap('x')]] }] },
        /tso\[0\]\.threads\[0\]\[1\]\.op: WPTE; expected no page-table store here$/,
      ],
      [{ tso: [{ id: 't', verdict: 'maybe', threads: [[R]] }] }, /verdict: "maybe"; expected one of forbidden, /],
      [
        { handwritten: [{ ...shape, threads: [[{ op: 'R' }]], same_pa: [['0.0', '0.4']] }] },
        /handwritten\[0\]\.same_pa\[0\]\[1\]: 0\.4; expected an event of its threads that is one of R, W, WPTE$/,
      ],
      [{ handwritten: [{ ...shape, same_pa: [['0.0']] }] }, /handwritten\[0\]\.same_pa\[0\]/],
    ];
    for (const [sections, line] of lines) expect(said(sections)).toMatch(line);
  });

  it('of any kind is read, or refused with one line', () => {
    const whole = JSON.parse(SAMPLE) as Record<string, Record<string, unknown>[]>;
    const junk = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom('0.0', '1.0', 'x', 'Px', '__proto__', 99, []));
    let refused = 0;
    fc.assert(
      fc.property(
        fc.constantFrom('handwritten', 'tables', 'tso', 'synthesized'),
        fc.nat(),
        fc.array(fc.nat(), { minLength: 1, maxLength: 7 }),
        junk,
        (section, which, path, by) => {
          const test = structuredClone(whole[section][which % whole[section].length]);
          replaceAt(test, path, by);
          const line = said({ [section]: [test] });
          if (line !== 'nothing') refused++;
          expect(line).toMatch(/^(nothing|own\.json: .*; expected [^\n]+)$/);
        },
      ),
      { seed: 5, numRuns: 1500 },
    );
    expect(refused).toBeGreaterThan(300);
    expect(refused).toBeLessThan(1400);
  });
});

/** Puts something else at a place inside. */
function replaceAt(value: object, [at, ...path]: readonly number[], by: unknown): void {
  const keys = Object.keys(value);
  if (keys.length === 0) return;
  const of = value as Record<string, unknown>;
  const key = keys[at % keys.length];
  const inner = of[key];
  if (path.length > 0 && typeof inner === 'object' && inner !== null) replaceAt(inner, path, by);
  else of[key] = by;
}

describe('a shape', () => {
  const shape = (more: object): ShapeCase =>
    file({ handwritten: [{ id: 's', verdict: 'permitted', ...more }] })[0].cases[0] as ShapeCase;
  const used = ({ programs }: ShapeCase) =>
    programs.map(({ threads }) =>
      threads.map((events) => events.map((e) => ('va' in e ? e.va : '-')).join('')).join(' '),
    );

  it('is had by every program that shares out as many pages as it counts', () => {
    const two = { threads: [[{ op: 'W' }, { op: 'R' }], [{ op: 'R' }]], counts: { VirtualAddress: '=4' } };
    expect(used(shape(two))).toEqual(['xx y', 'xy x', 'xy y']);
    expect(used(shape({ ...two, same_pa: [['0.0', '1.0']] }))).toEqual(['xy x']);
    expect(used(shape({ ...two, diff_pa: [['0.0', '1.0']] }))).toEqual(['xx y', 'xy y']);
    expect(used(shape({ ...two, same_va: [['0.0', '0.1']] }))).toEqual(['xx y']);
    // their entries lie at one place, so that the pages are the same one
    expect(used(shape({ ...two, same_pa: [['ptw@0.1', 'dirty@0.0']] }))).toEqual(['xx y']);
    expect(used(shape({ ...two, same_pa: [['ptw@0.1', '0.0']] }))).toEqual([]);
  });

  it('with a page-table store may lead to a new page or to that of another', () => {
    const threads = [[{ op: 'WPTE' }, { op: 'INVLPG', for: '0.0' }, { op: 'R' }, { op: 'R' }]];
    const { programs } = shape({ threads, counts: { VirtualAddress: '=4' }, same_va: [['0.1', '0.2']] });
    expect(programs.map(({ threads: [[first]], mem }) => ['pa' in first && first.pa, mem])).toEqual([
      ['Pn1', { Px: 10, Py: 20, Pn1: 30 }],
      ['Py', { Px: 10, Py: 20, Pn1: 30 }],
    ]);
  });

  it('without threads is one of the single event that it counts', () => {
    expect(shape({ counts: { Write: '=1', Read: '=0', ptwalk: '>=0', VirtualAddress: '=2' } }).programs).toMatchObject([
      { threads: [[{ op: 'W', va: 'x', value: 1 }]] },
    ]);
    expect(shape({ counts: { Write: '=2', Read: '=0', VirtualAddress: '=2' } })).toBeUndefined();
  });

  it('that could be one of too many programs is left open', () => {
    const threads = Array.from({ length: 6 }, () => Array(32).fill({ op: 'R' }));
    expect(shape({ threads, counts: { VirtualAddress: '=8' } })).toBeUndefined();
    const remaps = [Array(20).fill({ op: 'WPTE' })];
    expect(shape({ threads: remaps, counts: { VirtualAddress: '=8' } })).toBeUndefined();
  });
});
