import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT, Scratch, tlblab } from './run.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const OUT = ['--out', scratch.dir, '--json'];
const untimed = (text: string): Record<string, unknown> => {
  const { timing, ...rest } = JSON.parse(text);
  expect(Object.keys(timing)).toContain('seconds');
  return rest;
};

/** Kills the run for good as soon as it has saved where it stands. */
async function killedAfterSave(args: string[]): Promise<void> {
  const child = spawn(process.execPath, [`${ROOT}dist/src/cli/main.js`, ...args], { cwd: ROOT, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const saved = () => readdirSync(scratch.dir).some((dir) => existsSync(`${scratch.dir}/${dir}/standing.json`));
  const watch = setInterval(() => saved() && child.kill('SIGKILL'), 20);
  await ended;
  clearInterval(watch);
  expect(child.signalCode).toBe('SIGKILL');
}

describe('verify', () => {
  it('closes a scenario, and says of how many states and runs', () => {
    const { code, stdout } = tlblab('verify', 'mainline', '--scenario', 'munmap-touch', ...OUT);
    const once = untimed(stdout) as Record<string, number>;
    expect({ code, ...once }).toMatchObject({ code: 0, verdict: 'clean', complete: true, hashBits: 64, progress: 1 });
    expect(once.states).toBeGreaterThan(400);
    expect(untimed(tlblab('verify', 'mainline', '--scenario', 'munmap-touch', ...OUT).stdout)).toEqual(once);
    expect(readdirSync(scratch.dir)).toEqual([]);
  });

  it('convicts with a finding that replays', () => {
    const { code, stdout } = tlblab('verify', 'never', '--scenario', 'munmap-touch', ...OUT);
    const { verdict, complete, findings } = untimed(stdout) as Record<string, { file: string; harm: string }[]>;
    expect({ code, verdict, complete }).toEqual({ code: 1, verdict: 'violation', complete: false });
    expect(findings).toMatchObject([{ harm: 'rights-bypass' }]);
    expect(JSON.parse(readFileSync(findings[0].file, 'utf8'))).toMatchObject({ strategy: 'states' });
    expect(tlblab('replay', findings[0].file).code).toBe(1);
  });

  it('is inconclusive when its runs are used up, and goes on after that or after kill -9 without loss', async () => {
    const args = ['verify', 'mainline', '--scenario', 'lazy-munmap', ...OUT];
    const part = tlblab(...args, '--runs', '50');
    expect({ code: part.code, ...untimed(part.stdout) }).toMatchObject({ code: 4, verdict: 'inconclusive', runs: 50 });
    const resumed = JSON.parse(tlblab(...args).stdout);
    expect(resumed).toMatchObject({ verdict: 'clean', complete: true, timing: { resumedRuns: 50 } });
    const long = ['verify', 'mainline', '--scenario', 'mprotect-store', '--adversary', '2', ...OUT];
    await killedAfterSave(long);
    const again = tlblab(...long, '--runs', '4000');
    expect(JSON.parse(again.stdout).timing.resumedRuns).toBeGreaterThan(0);
    const { timing: _, ...unbroken } = resumed;
    expect(untimed(tlblab(...args).stdout)).toEqual(unbroken);
  });

  it('goes through all programs of so many operations, by shards', () => {
    const { code, stdout } = tlblab('verify', 'mainline', '--all-programs', '--ops', '2', '--shard', '1/11', ...OUT);
    expect({ code, ...untimed(stdout) }).toMatchObject({ code: 0, complete: true, programs: { done: 4, of: 4 } });
    expect(readdirSync(scratch.dir).filter((name) => name.startsWith('verify-all'))).toEqual([]);
  });

  it.each([
    [[], /--scenario/],
    [['--all-programs', '--shard', '3/2'], /expected i\/n/],
  ])('needs something to verify: %j', (args, says) => {
    const { code, stderr } = tlblab('verify', 'mainline', ...args);
    expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 2, lines: 1 });
    expect(stderr).toMatch(says);
  });
});
