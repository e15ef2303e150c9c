/** Every finding that is kept reproduces its harm, whatever has changed since, and its note shows what it replays to. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ROOT, tlblab } from '../cli/run.ts';

const FINDINGS = `${ROOT}findings/`;
const files = readdirSync(FINDINGS).filter((name) => name.endsWith('.race.json'));

describe.each(files)('%s', (name) => {
  const finding = JSON.parse(readFileSync(FINDINGS + name, 'utf8')) as { harm: string; policy: string };

  it('reproduces', () => {
    const { code, stdout } = tlblab('replay', FINDINGS + name, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ reproduced: true, finding: { harm: finding.harm } });
  });

  it('has a note that names the policy, the harm and how to replay it, with columns of mail width', () => {
    const note = readFileSync(FINDINGS + name.replace('.race.json', '.md'), 'utf8');
    for (const word of [finding.policy, finding.harm, `replay findings/${name}`]) expect(note).toContain(word);
    const columns = /```\n([\s\S]*?)```/.exec(note)![1].split('\n');
    expect(columns.length).toBeGreaterThan(8);
    expect(Math.max(...columns.map((line) => line.length))).toBeLessThanOrEqual(72);
  });
});

it('some finding is kept', () => {
  expect(files.length).toBeGreaterThan(0);
});
