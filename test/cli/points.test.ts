import { existsSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { interrupted, Scratch, tlblab } from './run.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const untimed = (stdout: string) => ({ ...JSON.parse(stdout), timing: undefined });

describe('ablate', () => {
  it('prints one object with a row for each point, the same for the same seed', () => {
    const args = ['luf-v11', '--schedules', '12', '--seed', '5', '--out', scratch.dir];
    const { code, stdout, stderr } = tlblab('ablate', ...args, '--json');
    const said = untimed(stdout);
    expect(said.points.map((p: { point: string }) => p.point)).toEqual([
      'allocate',
      'isolateFree',
      'fileWrite',
      'lostRace',
      'initOnFree',
    ]);
    for (const p of said.points) {
      expect(p).toMatchObject({ verdict: expect.stringMatching(/^(violation|clean)$/), schedules: expect.any(Number) });
      if (p.harm !== null) expect(existsSync(p.file)).toBe(true);
    }
    const all = said.points.every((p: { harm: string | null }) => p.harm !== null);
    expect(code, stderr).toBe(said.published.verdict === 'violation' ? 1 : all ? 0 : 4);
    expect(untimed(tlblab('ablate', ...args, '--json').stdout)).toEqual(said);
  });

  it('prints a table', () => {
    const { stdout } = tlblab('ablate', 'luf-v11', '--seconds', '0.01', '--out', scratch.dir);
    expect(stdout).toMatch(/^without +verdict +harm +schedules +where +finding$/m);
    expect(stdout).toMatch(/^fileWrite: nothing detects its loss: \d+ schedules in \d+ scenarios/m);
  });

  it.each([
    [['nope'], /^tlblab: policy "nope": no such name; expected [^\n]*\n$/],
    [['mainline'], /^tlblab: policy "mainline": no flush points; expected xen-clock, luf-v11[^\n]*\n$/],
    [['luf-v11', '--schedules', '0'], /^tlblab: ablate: [^\n]*expected an integer from 1[^\n]*\n$/],
    [['luf-v11', '--seconds', '-1'], /^tlblab: ablate: [^\n]*expected seconds above 0[^\n]*\n$/],
    [[], /^tlblab: ablate: missing required argument "policy"\n$/],
  ])('%j is refused in one line', (args, message) => {
    const { code, stderr, stdout } = tlblab('ablate', ...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  it('refuses a plug-in without flush points', () => {
    const text = `import { definePolicy } from 'tlblab';
      export default definePolicy({ name: 'plain', says: 'a test', base: 'mainline 6.18' });`;
    const { code, stderr } = tlblab('ablate', scratch.write('plain.mjs', text));
    expect(code).toBe(2);
    expect(stderr).toBe('tlblab: policy plain: no flush points; expected a policy with flushPoints\n');
  });

  it('interrupted, it prints what it has found', async () => {
    const { code, stdout } = await interrupted(4000, 'ablate', 'luf-v11', '--json', '--out', scratch.dir);
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'interrupted', policy: 'luf-v11', points: expect.any(Array) });
  });
});

describe('synthesise', () => {
  it('writes the set that it found as a policy that can be hunted', () => {
    const args = ['--schedules', '12', '--seed', '5', '--out', scratch.dir, '--json'];
    const { code, stdout, stderr } = tlblab('synthesise', ...args);
    const said = JSON.parse(stdout);
    expect([0, 1], stderr).toContain(code);
    expect([...said.points, ...said.rejected.map((r: { point: string }) => r.point)].sort()).toEqual([
      'allocate',
      'fileWrite',
      'initOnFree',
      'isolateFree',
      'lostRace',
    ]);
    for (const e of said.evidence) expect(existsSync(e.file)).toBe(true);
    const hunted = tlblab('hunt', said.policy, '--scenario', 'munmap-touch', '--schedules', '50', '--json');
    expect(hunted.code, hunted.stderr).toBe(0);
  });

  it('takes a plug-in as its base, and time as its limit', () => {
    const text = `import { policyNamed, withPoints } from 'tlblab';
      export default withPoints(policyNamed('luf-v11'), ['lostRace'], { name: 'less', says: 'a test' });`;
    const base = scratch.write('less.mjs', text);
    const args = ['--base', base, '--seconds', '0.01', '--out', scratch.dir];
    const { code, stdout, stderr } = tlblab('synthesise', ...args);
    expect([1, 4], stderr).toContain(code);
    expect(stdout).toMatch(/^policy: .*synthesised\.mjs/m);
  });

  it.each([
    [['--from', 'write'], /^tlblab: flush point "write": no such name; expected one of allocate, [^\n]*\n$/],
    [['--base', 'never'], /^tlblab: policy "never": no flush points; expected [^\n]*\n$/],
  ])('%j is refused in one line', (args, message) => {
    const { code, stderr } = tlblab('synthesise', ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
