import { describe, expect, it } from 'vitest';
import { withPoints } from '#tlblab/policy/flush-points.js';
import { POLICIES } from '#tlblab/policy/index.js';
import { definePolicy } from '#tlblab/policy/policy.js';
import { ablate } from '#tlblab/report/ablate.js';
import type { PointSearchOptions } from '#tlblab/report/point-loss.js';
import { policyFile } from '#tlblab/report/policy-file.js';
import { replayFinding } from '#tlblab/report/replaying.js';
import { synthesise } from '#tlblab/report/synthesise.js';
import { loadScenario } from '../../dist/workloads/index.js';

const options = (policy: string, scenarios: string[], schedules = 400): PointSearchOptions => ({
  policy: POLICIES[policy],
  named: policy,
  tool: 'test',
  seed: 7,
  schedules,
  scenarios: scenarios.map((name) => ({ name, program: loadScenario(name) })),
  outOfTime: () => false,
  abandoned: () => false,
  stage: () => {},
});
/** Its flush points, in their order. */
const LUF_V11 = ['allocate', 'isolateFree', 'fileWrite', 'lostRace', 'initOnFree'];
const nobody = () => {};

describe('ablation', () => {
  it('tells which loss is found, where and how soon; the finding replays', async () => {
    const stages: string[] = [];
    const { published, points } = ablate(
      { ...options('luf-v11', ['seed-page-cache']), stage: (says) => stages.push(says) },
      nobody,
    );
    expect(stages).toEqual(['as published', ...LUF_V11.map((point) => `without ${point}`)]);
    expect(published?.effort).toMatchObject({ scenarios: 1, schedules: 400 });
    const [allocate, isolateFree, fileWrite, lostRace] = points;
    expect(fileWrite).toMatchObject({
      point: 'fileWrite',
      seen: { scenario: 'seed-page-cache', finding: { harm: 'stale-read', patches: ['drop:fileWrite'] } },
    });
    expect(fileWrite.seen!.schedules).toBe(fileWrite.effort.schedules);
    for (const { point, seen, effort } of [allocate, isolateFree, lostRace]) {
      expect(effort.schedules).toBe(seen?.schedules ?? 400);
      expect(seen?.finding.patches ?? [`drop:${point}`]).toEqual([`drop:${point}`]);
    }
    expect(lostRace.seen).toBeUndefined();
    expect(await replayFinding(fileWrite.seen!.finding, false)).toMatchObject({ reproduced: true, by: 'exact' });
  });

  it('a conviction that the policy has anyway does not count for a point', () => {
    const { published, points } = ablate({ ...options('luf-v11', ['reclaim-store'], 120), seed: 8 }, nobody);
    // generated programs may show more
    expect(published!.seen[0].finding.harm).toBe('stale-read');
    const [, , , lostRace] = points;
    expect(lostRace.seen).toBeUndefined();
    expect(lostRace.excluded).toBeGreaterThan(0);
  });
});

describe('synthesis', () => {
  it('grows the points that convictions ask for, and tells what no point cures', () => {
    const scenarios = ['reclaim-kept', 'reclaim-store', 'seed-page-cache'];
    const told: number[] = [];
    const { points, forced, rejected, needed, uncured, complete } = synthesise(
      options('luf-v11', scenarios, 600),
      [],
      (sofar) => told.push(sofar.points.length),
    );
    // generated programs may show what the scenarios do not ask for
    const others = ['isolateFree', 'initOnFree'].filter((point) => points.includes(point));
    expect(points).toEqual(expect.arrayContaining(['allocate', 'fileWrite']));
    expect(points).toHaveLength(2 + others.length);
    expect(forced.slice(0, 2).map((f) => f.points)).toEqual([['allocate'], ['fileWrite']]);
    expect(forced[0].seen.finding.patches).toEqual(LUF_V11.map((point) => `drop:${point}`));
    expect(needed.slice(0, 2).map((n) => [n.point, n.seen?.finding.harm])).toEqual([
      ['allocate', 'frame-reuse'],
      ['fileWrite', 'stale-read'],
    ]);
    expect([...rejected.map((r) => r.point), ...points].sort()).toEqual([...LUF_V11].sort());
    expect(rejected[0].effort.schedules).toBe(600);
    expect(uncured.map((u) => u.seen.cause)).toContain('stale-read: load behind reclaim');
    expect(complete).toBe(true);
    expect(told.at(-1)).toBe(points.length);
  }, 600_000);

  it('takes points away that nothing asks for', () => {
    const { points, rejected } = synthesise(
      options('xen-clock', ['munmap-touch'], 60),
      ['allocate', 'widened'],
      nobody,
    );
    expect(points).toEqual([]);
    expect(rejected.map((r) => r.point).sort()).toEqual([
      'allocate',
      'directWrite',
      'fileWrite',
      'holePunched',
      'revalidated',
      'serverRead',
      'swapIn',
      'widened',
      'writableFault',
    ]);
  });
});

describe('a policy with some of its points', () => {
  it('does at the others what mainline does', () => {
    const policy = withPoints(POLICIES['luf-v11'], ['fileWrite'], { name: 'less', says: 'a test' });
    expect(policy.flushPoints.map((p) => p.name)).toEqual(['fileWrite']);
    expect(policy.routines.fileEndWrite).toBeDefined();
    expect(policy.routines.prepNewPage).toBeUndefined();
    expect(policy.routines.rmqueue).toBe(POLICIES['luf-v11'].routines.rmqueue);
    const wrong = () => withPoints(POLICIES['luf-v11'], ['write'], { name: 'less', says: 'a test' });
    expect(wrong).toThrow(
      'policy "luf-v11": flush point "write": expected one of allocate, isolateFree, fileWrite, lostRace',
    );
    const plain = definePolicy({ name: 'plain', says: 'a test', base: 'mainline 6.18' });
    expect(() => withPoints(plain, ['x'], { name: 'less', says: 'a test' })).toThrow('expected one of none');
  });

  it('is written as a module', () => {
    expect(policyFile('./mine.mjs', true, ['a', 'b'], 'what it is')).toMatchInlineSnapshot(`
      "// what it is
      import base from './mine.mjs';
      import { withPoints } from 'tlblab';

      export default withPoints(base, ["a","b"], {
        name: 'synthesised',
        says: "what it is",
      });
      "
    `);
  });
});
