import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Scratch, tlblab } from './run.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

describe('--drop', () => {
  it('takes a flush point out of a hunt; the finding says so, and replays and shrinks without it', () => {
    const args = ['--scenario', 'seed-page-cache', '--schedules', '300', '--out', scratch.dir, '--json'];
    const whole = tlblab('hunt', 'luf-v11', ...args);
    expect(whole.code, whole.stderr).toBe(0);
    const { code, stdout } = tlblab('hunt', 'luf-v11', '--drop', 'fileWrite', ...args);
    expect(code).toBe(1);
    const [{ file, harm }] = JSON.parse(stdout).findings;
    expect(harm).toBe('stale-read');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ policy: 'luf-v11', patches: ['drop:fileWrite'] });
    const replayed = JSON.parse(tlblab('replay', file, '--json').stdout);
    expect(replayed).toMatchObject({ reproduced: true, by: 'exact', verdict: 'violation' });
    expect(JSON.parse(tlblab('shrink', file, '--json', '--out', scratch.dir).stdout).cpus).toBeLessThanOrEqual(3);
  });

  it('is repeatable, and works under stress', () => {
    const drops = ['--drop', 'fileWrite', '--drop', 'lostRace'];
    const { code, stderr } = tlblab(
      'stress',
      'luf-v11',
      '--seconds',
      '1',
      '--workload',
      'munmap-storm',
      '--json',
      ...drops,
    );
    expect(code, stderr).toBe(0);
  });
});

describe('list points', () => {
  it('names policy, point and sentence', () => {
    const { points } = JSON.parse(tlblab('list', 'points', '--json').stdout);
    expect(points).toContainEqual({ policy: 'luf-v11', name: 'fileWrite', says: expect.stringContaining('write(2)') });
    expect(tlblab('list', 'points').stdout).toMatch(/^luf-v11 fileWrite +\S/m);
  });

  it('race windows, for hooks, are listed as labels', () => {
    expect(tlblab('list', 'labels').stdout).toMatch(/^spinLock: lock wanted$/m);
  });
});
