import { existsSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { interrupted, Scratch, tlblab } from './run.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const OUT = ['--out', scratch.dir, '--json'];

describe('evaluate', () => {
  it('convicts in the first turn of the scenarios, and measures and reports all the same', () => {
    const { code, stdout } = tlblab('evaluate', 'never', '--budget', '30s', '--seed', '7', ...OUT);
    expect(code).toBe(1);
    const { verdict, policies, report, measured } = JSON.parse(stdout);
    expect(verdict).toBe('violation');
    const [{ hunted, findings, stressed, savings }] = policies;
    expect(findings).toHaveLength(2);
    for (const { file } of findings) expect(tlblab('replay', file, '--json').code).toBe(1);
    // no scenario had a second turn
    expect(hunted.schedules).toBeLessThanOrEqual(hunted.scenarios * 5);
    expect(hunted.programs).toBe(0);
    expect(stressed.length).toBe(measured.length);
    expect(savings.length).toBe(measured.length);
    expect(existsSync(report)).toBe(true);
  });

  it('interrupted, says how far it is, and counts no scenario without a schedule', async () => {
    const { code, stdout } = await interrupted(6000, 'evaluate', 'mainline', '--budget', '600s', ...OUT);
    expect(code).toBe(130);
    const { verdict, policies } = JSON.parse(stdout);
    expect(verdict).toBe('interrupted');
    const [{ hunted, findings }] = policies;
    expect(findings).toEqual([]);
    expect(hunted.scenarios).toBeLessThanOrEqual(hunted.schedules);
  });
});
