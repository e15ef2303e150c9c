import { beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '#tlblab/program/finding.js';
import { printColumns } from '#tlblab/report/columns.js';
import { huntNever, neverFinding, withoutNumbers } from './munmap-touch.ts';

let wide: Finding;
let mail: Finding;

beforeAll(async () => {
  wide = await neverFinding();
  mail = await neverFinding({ mail: true });
});

describe('the columns of munmap-touch under never', () => {
  it('tell the story in under 15 lines', () => {
    expect(wide.columns.split('\n').length).toBeLessThan(15);
    expect(withoutNumbers(wide.columns)).toMatchInlineSnapshot(`
      "munmap-touch, policy never, 2 CPUs
      before: P0: mmap p rw; P1: store p
      then:   CPU1's TLB holds p -> pfn #
         CPU0 (P0)   CPU1 (P1)
       #  munmap p
       #  pte of p cleared (pfn #), flush owed to CPU1
       #  pfn # freed
       #  munmap p returned
       #   load p -> P1#1 (tlb: pfn #)   RIGHTS BYPASS
      rights-bypass: CPU1: load of page 8, word 0 through a stale translation, ended by munmap at step #: no right
        to load is in force
      owed: munmap p (P0 on CPU0, step #) owed CPU1 a flush of p; CPU1 holds p -> pfn # since the history; no IPI
        was sent to it"
    `);
  });

  it('are at most 72 characters wide for mail', () => {
    expect(Math.max(...mail.columns.split('\n').map((line) => line.length))).toBeLessThanOrEqual(72);
    expect(mail.columns).toContain('RIGHTS BYPASS');
  });

  it('mark exactly one line', () => {
    expect(wide.columns.split('\n').filter((line) => line.includes('RIGHTS BYPASS'))).toHaveLength(1);
  });

  it('name operation, CPU, step and frame of the flush that was owed', () => {
    expect(wide.owed).toMatch(
      /^munmap p \(P0 on CPU0, step \d+\) owed CPU1 a flush of p; CPU1 holds p -> pfn \d+ since/,
    );
    expect(wide.owed).toContain('no IPI was sent to it');
  });

  it('give each CPU one column', () => {
    const lines = wide.columns.split('\n');
    const head = lines.find((line) => line.includes('CPU0 (P0)'))!;
    const munmap = lines.find((line) => /^ *\d+ +munmap p$/.test(line))!;
    const losing = lines.find((line) => line.includes('RIGHTS BYPASS'))!;
    expect(munmap.indexOf('munmap')).toBe(head.indexOf('CPU0'));
    expect(losing.indexOf('load p')).toBe(head.indexOf('CPU1'));
  });
});

it('columns: a long text goes on in the next line, indented', () => {
  const text = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen';
  const line = { step: 3, cpu: 0, text, loses: false };
  const printed = printColumns(
    { cpus: 1, title: 't', before: [], heads: ['CPU0'], lines: [line], verdict: '', owed: '' },
    { mail: true },
  );
  expect(printed.split('\n').slice(2)).toEqual([
    ' 3  one two three four five six seven eight nine ten eleven twelve',
    '      thirteen fourteen fifteen',
  ]);
});

it('columns: a probed access becomes an access of the program', async () => {
  const found = await huntNever();
  expect(found.conviction.violation?.probe).toBe(true);
  expect(wide.columns).toMatch(/load p -> .*RIGHTS BYPASS/);
});
