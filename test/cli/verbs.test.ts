import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { interrupted, ROOT, Scratch, tlblab } from './run.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const HUNT = ['hunt', 'never', '--scenario', 'munmap-touch', '--seed', '7', '--out', scratch.dir];
const MAINLINE = ['hunt', 'mainline', '--scenario', 'munmap-touch', '--json', '--out', scratch.dir];

/** The document without what was timed. */
function untimed(text: string): Record<string, unknown> {
  const { timing, ...rest } = JSON.parse(text);
  expect(Object.keys(timing)).toContain('seconds');
  return rest;
}

describe('hunt', () => {
  it('convicts never, writes one finding, prints its columns and how to replay them', () => {
    const { code, stdout } = tlblab(...HUNT);
    expect(code).toBe(1);
    const files = readdirSync(scratch.dir).filter((name) => name.endsWith('.race.json'));
    expect(files).toHaveLength(1);
    expect(stdout).toContain('RIGHTS BYPASS');
    expect(stdout).toContain(`npx tlblab replay ${scratch.dir}/${files[0]}`);
    expect(readdirSync(scratch.dir)).toEqual(files);
  });

  it('prints the same twice, in text and, but for timing, in JSON', () => {
    expect(tlblab(...HUNT).stdout).toBe(tlblab(...HUNT).stdout);
    const json = tlblab(...HUNT, '--json').stdout;
    expect(untimed(json)).toEqual(untimed(tlblab(...HUNT, '--json').stdout));
    const { findings, verdict } = untimed(json) as { verdict: string; findings: Record<string, unknown>[] };
    expect(verdict).toBe('violation');
    const asked = ['id', 'harm', 'invariant', 'grade', 'policy', 'cpus', 'steps', 'shrunkFrom', 'file', 'columns'];
    expect(Object.keys(findings[0])).toEqual(expect.arrayContaining(asked));
  });

  it('leaves mainline alone, and says what that is worth', () => {
    const { code, stdout } = tlblab(...MAINLINE, '--schedules', '400');
    const { verdict, schedules, confidence, windows } = untimed(stdout) as Record<string, never>;
    expect({ code, verdict, schedules }).toEqual({ code: 0, verdict: 'clean', schedules: 400 });
    expect(confidence).toEqual(expect.arrayContaining([expect.stringMatching(/^pct-2: .*k = \d+ measured/)]));
    expect(confidence).toEqual(expect.arrayContaining([expect.stringMatching(/^random: 0 of \d+ .*rule of three/)]));
    expect(windows).not.toEqual([]);
  });

  it('lets hardware act on its own as often as asked for', () => {
    const args = [...MAINLINE, '--schedules', '40', '--strategy', 'pct-1'];
    const stepsWith = (...more: string[]) => untimed(tlblab(...args, ...more).stdout).steps;
    expect(stepsWith()).toBe(stepsWith('--adversary', '3'));
    expect(stepsWith('--adversary', '0')).toBeLessThan(stepsWith('--adversary', '3') as number);
  });

  it('draws the same programs from the same seed, on as many CPUs as asked for', () => {
    const args = ['hunt', 'mainline', '--fuzz', '--seed', '11', '--schedules', '150', '--out', scratch.dir, '--json'];
    const once = untimed(tlblab(...args).stdout);
    expect(once).toMatchObject({ verdict: 'clean', schedules: 150, programs: expect.any(Number) });
    expect(untimed(tlblab(...args).stdout)).toEqual(once);
    expect(untimed(tlblab(...args, '--cpus', '3').stdout)).not.toEqual(once);
    const never = ['hunt', 'never', '--fuzz', '--seed', '1', '--cpus', '1', '--out', scratch.dir, '--json'];
    expect(untimed(tlblab(...never).stdout)).toMatchObject({ findings: [{ cpus: 1 }] });
  });

  it('ends at once with 130 when it is interrupted, and says what is known', async () => {
    const args = ['hunt', 'mainline', '--scenario', 'munmap-touch', '--schedules', '100000000', '--out', scratch.dir];
    const { code, stdout } = await interrupted(2500, ...args, '--json');
    expect(code).toBe(130);
    expect(untimed(stdout)).toMatchObject({ verdict: 'interrupted', findings: [] });
  });

  it('hunts a scenario given as JSON, and the program of a finding', () => {
    const file = `${scratch.dir}/${readdirSync(scratch.dir).find((name) => name.endsWith('.race.json'))}`;
    const { program } = JSON.parse(readFileSync(file, 'utf8'));
    const path = scratch.write('program.json', JSON.stringify(program));
    for (const scenario of [path, file]) {
      expect(tlblab('hunt', 'never', '--scenario', scenario, '--out', scratch.dir).code).toBe(1);
    }
  });
});

describe('replay and shrink', () => {
  it('reproduce a finding, twice the same', () => {
    tlblab(...HUNT);
    const file = `${scratch.dir}/${readdirSync(scratch.dir).find((name) => name.endsWith('.race.json'))}`;
    const once = tlblab('replay', file);
    expect(once).toMatchObject({ code: 1, stdout: expect.stringContaining('byte for byte, twice') });
    expect(tlblab('replay', file).stdout).toBe(once.stdout);
    const json = untimed(tlblab('replay', file, '--json').stdout);
    expect(json).toMatchObject({ reproduced: true, verdict: 'violation', by: 'exact' });
    const mail = tlblab('replay', file, '--mail').stdout.split('\n');
    expect(Math.max(...mail.map((line) => line.length))).toBeLessThanOrEqual(72);
    const shrunk = untimed(tlblab('shrink', file, '--json', '--out', scratch.dir).stdout);
    expect(shrunk).toMatchObject({ file: expect.stringContaining(scratch.dir) });
    expect((shrunk as { cpus: number }).cpus).toBeLessThanOrEqual(JSON.parse(readFileSync(file, 'utf8')).cpus);
  });
});

describe('stress', () => {
  it('runs mainline in parallel without a violation', () => {
    const { code, stdout, stderr } = tlblab('stress', 'mainline', '--seconds', '1', '--cpus', '2', '--json');
    expect(code, stderr).toBe(0);
    const result = untimed(stdout) as { verdict: string; accesses: number };
    expect(result.verdict).toBe('clean');
    expect(result.accesses).toBeGreaterThan(0);
  });
});

describe('list and doctor', () => {
  it('list names everything that verbs accept, each with a line', () => {
    const all = JSON.parse(tlblab('list', '--json').stdout);
    expect(Object.keys(all)).toEqual(['policies', 'workloads', 'scenarios', 'bugs', 'fixes', 'points']);
    const named = (kind: string) => all[kind].map(({ name }: { name: string }) => name);
    expect(named('policies')).toEqual(expect.arrayContaining(['never', 'eager', 'mainline']));
    expect(named('workloads')).toContain('munmap-storm');
    expect(named('scenarios')).toContain('munmap-touch');
    for (const kind of ['policies', 'workloads', 'scenarios']) {
      for (const { says } of all[kind]) expect(says).not.toBe('');
    }
    expect(tlblab('list', 'policies').stdout).toMatch(/^never +\S/m);
  });

  it('doctor says what is here and how to record', () => {
    const { code, stdout } = tlblab('doctor', '--json');
    const { ok, checks, recipe } = JSON.parse(stdout);
    expect({ code, ok }).toEqual({ code: 0, ok: true });
    expect(checks.node.found).toBe(process.versions.node);
    expect(recipe[0]).toMatch(/^strace -f /);
  });
});

describe('help', () => {
  it('prints to stdout, for the tool and for each verb', () => {
    const { code, stdout } = tlblab('--help');
    expect(code).toBe(0);
    for (const verb of [
      'evaluate',
      'stress',
      'hunt',
      'verify',
      'selftest',
      'survey',
      'ablate',
      'synthesise',
      'replay',
      'shrink',
      'measure',
      'list',
      'doctor',
    ]) {
      expect(stdout).toContain(verb);
      expect(tlblab(verb, '--help').code).toBe(0);
    }
    const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
    expect(tlblab('--version').stdout).toContain(version);
  });
});
