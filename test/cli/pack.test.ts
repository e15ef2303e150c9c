/** What `npm pack` puts into the tarball is enough to run. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ROOT } from './run.ts';

const dir = mkdtempSync(join(tmpdir(), 'tlblab-pack-'));
afterAll(() => rmSync(dir, { recursive: true }));

it('the packed tool runs on its own, plug-ins included', () => {
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', dir], { cwd: ROOT });
  const [tarball] = readdirSync(dir);
  execFileSync('tar', ['-xzf', tarball], { cwd: dir });
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'package', 'node_modules'));
  const tool = (...args: string[]): string =>
    execFileSync(process.execPath, [join(dir, 'package', 'dist/src/cli/main.js'), ...args], {
      cwd: dir,
      encoding: 'utf8',
    });
  expect(JSON.parse(tool('doctor', '--json'))).toMatchObject({ ok: true });
  expect(JSON.parse(tool('list', 'scenarios', '--json')).scenarios.length).toBeGreaterThan(5);
  const hunt = ['hunt', 'mainline', '--scenario', 'munmap-touch', '--schedules', '50', '--json'];
  expect(JSON.parse(tool(...hunt))).toMatchObject({ verdict: 'clean', schedules: 50 });
});
