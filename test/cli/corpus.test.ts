import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ROOT, Scratch, tlblab } from './run.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const HUNT = ['hunt', 'never', '--fuzz', '--schedules', '150', '--findings', '2', '--seed', '2', '--json'];
const untimed = (text: string): Record<string, unknown> => {
  const { timing, ...rest } = JSON.parse(text);
  expect(Object.keys(timing)).toContain('resumedSchedules');
  return rest;
};
const findingsIn = (dir: string): string[] => readdirSync(dir).filter((name) => name.endsWith('.race.json'));

/** Does the journal name a finding? It is replaced in one step: there is always a whole one, or none. */
function isKept(corpus: string): boolean {
  const journals = existsSync(corpus) ? readdirSync(corpus).filter((name) => /^hunt-\w+\.json$/.test(name)) : [];
  return journals.some((name) => JSON.parse(readFileSync(join(corpus, name), 'utf8')).standing.findings.length > 0);
}

/** Starts the hunt and kills it for good as soon as a finding is kept. */
async function killed(args: string[], corpus: string): Promise<void> {
  const child = spawn(process.execPath, [`${ROOT}dist/src/cli/main.js`, ...args], { cwd: ROOT, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const watch = setInterval(() => {
    if (isKept(corpus)) child.kill('SIGKILL');
  }, 5);
  await ended;
  clearInterval(watch);
  expect(child.signalCode).toBe('SIGKILL');
}

it('a hunt with a corpus goes on after kill -9: nothing lost, nothing double, nothing torn', async () => {
  const out = join(scratch.dir, 'out');
  const unbroken = untimed(tlblab(...HUNT, '--out', out).stdout);
  const findings = unbroken.findings as { id: string; times: number }[];
  expect(findings).toHaveLength(2);
  const corpus = join(scratch.dir, 'corpus');
  const args = [...HUNT, '--out', out, '--corpus', corpus];
  await killed(args, corpus);
  const { code, stdout, stderr } = tlblab(...args);
  expect({ code, stderr: stderr.split('\n')[0] }).toEqual({ code: 1, stderr: '' });
  expect(JSON.parse(stdout).timing.resumedSchedules).toBeGreaterThan(0);
  expect(untimed(stdout)).toEqual(unbroken);
  expect(findingsIn(corpus)).toHaveLength(findings.length);
  for (const name of findingsIn(corpus)) {
    expect(readFileSync(join(out, name), 'utf8')).toBe(readFileSync(join(corpus, name), 'utf8'));
  }
}, 600_000);
