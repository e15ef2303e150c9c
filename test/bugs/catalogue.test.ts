/** The catalogue covers every bug that ships, and BUGS.md every entry of the catalogue. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CATALOGUE, isPatchOf } from '#tlblab/bugs/catalogue.js';
import { BUGS } from '#tlblab/bugs/index.js';
import { blindTable, catalogueTable, strategyTable } from '#tlblab/report/bug-tables.js';

const BUGS_MD = readFileSync(new URL('../../BUGS.md', import.meta.url), 'utf8');

it('has each entry once: 16 of tier 1, 26 of tier 2, 4 hazards', () => {
  const ids = CATALOGUE.map((entry) => entry.id);
  const numbered = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${prefix}${String(i + 1).padStart(prefix === 'PH-' ? 1 : 2, '0')}`);
  expect(ids).toEqual([...numbered('T1-', 16), ...numbered('T2-', 26), ...numbered('PH-', 4)]);
});

it.each(CATALOGUE)('$id has a patch, or says why not', (entry) => {
  const patched = Object.keys(BUGS).some((name) => isPatchOf(entry, name));
  expect(patched || entry.missing !== undefined).toBe(true);
});

it('knows every patch that is named like an entry', () => {
  const named = Object.keys(BUGS).filter((name) => /^(t\d|ph)-\d/.test(name));
  expect(named.filter((name) => !CATALOGUE.some((entry) => isPatchOf(entry, name)))).toEqual([]);
});

it('is in BUGS.md, with every bug', () => {
  for (const { id } of CATALOGUE) expect(BUGS_MD).toContain(`| ${id} | `);
  for (const name of Object.keys(BUGS)) expect(BUGS_MD).toContain(`\`${name}\``);
});

describe('tables', () => {
  const smallest = { cpus: 2, steps: 17, harm: 'stale-read' };
  const rows = [
    {
      bug: 't1-01',
      blind: { seeds: 3, schedules: [900, 7, 30], seconds: [2, 0.5, 1.25], smallest },
      strategies: [
        { strategy: 'random', found: true, schedules: 4 },
        { strategy: 'pos', found: false, schedules: 500 },
      ],
    },
    { bug: 't1-03', blind: { seeds: 3, schedules: [], seconds: [], smallest: undefined }, strategies: [] },
  ];

  it('of the catalogue have the patches of an entry, and those of none', () => {
    const bugs = [
      { name: 't1-02-munmap', says: 'one' },
      { name: 'other', says: 'another mistake' },
    ];
    const lines = catalogueTable(CATALOGUE, bugs);
    expect(lines.find((line) => line.startsWith('| T1-02 |'))).toContain('| `t1-02-munmap` |');
    expect(lines.find((line) => line.startsWith('| T2-17 |'))).toMatch(/\| no \| huge pages are not modelled \|$/);
    expect(lines.at(-1)).toBe('| | another mistake | `other` | |');
  });

  it('of blind hunts have medians and the smallest finding, or nothing', () => {
    expect(blindTable(rows, CATALOGUE).slice(2)).toEqual([
      '| `t1-01` | 3 of 3 | 30 | 1.3 | 2 | 2 | 17 | stale-read |',
      '| `t1-03` | 0 of 3 | | | | 3 | | |',
    ]);
  });

  it('of strategies have schedules, found or not', () => {
    expect(strategyTable(rows, ['random', 'pos']).slice(2)).toEqual([
      '| `t1-01` | 4 | not in 500 |',
      '| `t1-03` |  |  |',
    ]);
  });
});
