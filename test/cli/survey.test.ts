import { afterAll, describe, expect, it } from 'vitest';
import { interrupted, Scratch, tlblab } from './run.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const OUT = ['--out', scratch.dir];

describe('survey', () => {
  it('has a verdict for each scenario and policy, and a finding that replays for each conviction', () => {
    const args = ['never', 'mainline', '--scenarios', 'munmap-touch,o03-alias', '--schedules', '40', ...OUT, '--json'];
    const { code, stdout } = tlblab('survey', ...args);
    expect(code).toBe(1);
    const said = JSON.parse(stdout);
    expect(said.verdict).toBe('violation');
    expect(said.cells.map((c: Record<string, unknown>) => [c.scenario, c.policy, c.harm ?? 'clean'])).toEqual([
      ['munmap-touch', 'never', 'rights-bypass'],
      ['munmap-touch', 'mainline', 'clean'],
      ['o03-alias', 'never', 'stale-read'],
      ['o03-alias', 'mainline', 'clean'],
    ]);
    expect(tlblab('replay', said.cells[0].file, '--json').code).toBe(1);
  });

  it('prints a Markdown table, and is clean where nothing convicts', () => {
    const { code, stdout } = tlblab('survey', 'mainline', '--scenarios', 'munmap-touch', '--schedules', '20', ...OUT);
    expect(code).toBe(0);
    expect(stdout).toBe('| scenario | `mainline` |\n|---|---|\n| munmap-touch | clean in 20 |\n');
  });

  it('prints no table for a file that is no policy', () => {
    const { code, stdout, stderr } = tlblab('survey', scratch.write('none.mjs', 'export default {};'), ...OUT);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/not made with definePolicy/);
  });

  it('interrupted, prints the cells that it has', async () => {
    const { code, stdout } = await interrupted(4000, 'survey', 'mainline', '--schedules', '100000', ...OUT, '--json');
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'interrupted', cells: expect.any(Array) });
  });
});

describe('survey of bugs', () => {
  it('hunts blind, then by each strategy in the program of the finding', () => {
    const args = ['--bugs', 'T1-16', '--seeds', '1', '--seconds', '60', '--schedules', '50', ...OUT];
    const { code, stdout } = tlblab('survey', 'mainline', ...args, '--json');
    expect(code).toBe(1);
    const { catalogue, bugs, timing } = JSON.parse(stdout);
    expect(catalogue).toHaveLength(46);
    expect(bugs).toMatchObject([{ bug: 't1-16', blind: { seeds: 1, schedules: [expect.any(Number)] } }]);
    const { strategies }: { strategies: { strategy: string; found: boolean; schedules: number }[] } = bugs[0];
    expect(strategies.map(({ strategy }) => strategy)).toContain('pct-3');
    expect(strategies.some(({ found }) => found)).toBe(true);
    for (const { found, schedules } of strategies) if (!found) expect(schedules).toBe(50);
    expect(bugs[0].blind.smallest).toMatchObject({ cpus: expect.any(Number), harm: expect.any(String) });
    expect(timing.bugs).toEqual([{ bug: 't1-16', seconds: [expect.any(Number)] }]);
  });

  it('names the bugs that there are, and takes one policy', () => {
    expect(tlblab('survey', 'mainline', '--bugs', 't9-99', ...OUT).stderr).toMatch(/bug "t9-99": no such name/);
    expect(tlblab('survey', 'mainline', 'eager', '--bugs', ...OUT).code).toBe(2);
  });
});

describe('debug mode', () => {
  const args = ['luf-v11', '--scenario', 'o03-alias', '--schedules', '60', '--seed', '7', ...OUT];

  it('of one mechanism is one object: what it caught of what the oracle convicts, and its false alarms', () => {
    const { code, stdout } = tlblab('hunt', ...args, '--luf-debug', 'page-cache-marker:before', '--json');
    expect(code).toBe(1);
    const { debug, violations, schedules } = JSON.parse(stdout);
    expect(debug).toMatchObject({ mechanism: 'page-cache-marker', reading: 'before', caught: violations });
    expect(violations).toBeGreaterThan(0);
    expect(debug.caught + debug.falseAlarms).toBe(schedules);
  });

  it('of all is a table with a line for each mechanism and reading', () => {
    const { stdout } = tlblab('hunt', ...args, '--luf-debug', 'all');
    expect(stdout.match(/^(pte-marker|vma-flag|page-cache-marker) +(before|followed-by) +\d+\/\d+/gm)).toHaveLength(6);
    expect(stdout).toMatch(/^audit: \d+ checks of the ledger, consistent$/m);
  });

  it("with the policy's audit: what it found, and how often the oracle convicts it, too", () => {
    const bulk = ['--scenario', 'bulk-preempted', '--schedules', '200', '--seed', '7', '--luf-debug', 'all', ...OUT];
    const { audit, schedules } = JSON.parse(tlblab('hunt', 'luf-v11', ...bulk, '--json').stdout);
    expect(audit.checks).toBeGreaterThan(schedules);
    expect(audit.inconsistencies).toMatchObject([
      { kind: 'carried', says: expect.stringMatching(/^free frame \d+ owes/) },
    ]);
    const [{ convicted, legal }] = audit.inconsistencies;
    const lines = tlblab('hunt', 'luf-v11', ...bulk).stdout;
    expect(lines).toContain(`carried in ${convicted + legal} schedules, ${convicted} of them convicted: free frame`);
    expect(JSON.parse(tlblab('hunt', 'mainline', ...bulk, '--json').stdout).audit).toBeNull();
    expect(tlblab('hunt', 'mainline', ...bulk).stdout).toMatch(/^audit: mainline keeps no ledger/m);
  });

  it('is surveyed scenario by scenario', () => {
    const few = ['luf-v11', '--scenarios', 'o03-alias', '--schedules', '30', ...OUT];
    const { stdout } = tlblab('survey', ...few, '--luf-debug');
    expect(stdout).toMatch(/^\| o03-alias \| stale-read \d+ % \| 0 %; .* \| 100 %; /m);
  });
});
