import { describe, expect, it } from 'vitest';
import { dropPoint } from '#tlblab/bugs/drop-point.js';
import { loadPatches } from '#tlblab/engine/load.js';
import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { POLICIES } from '#tlblab/policy/index.js';
import { mainline } from '#tlblab/policy/mainline.js';
import { definePolicy } from '#tlblab/policy/policy.js';
import { harmOf } from '../hunt/harm.js';

const BASE = { name: 'mine', says: 'a test', base: 'mainline 6.18' };
const WRITE = { says: 'at a write', *fileEndWrite() {} };

describe('flush points', () => {
  it('add their routines to those of the policy, and are listed in order', () => {
    const flushPoints = {
      fileWrite: WRITE,
      allocate: { says: 'at an allocation', *prepNewPage() {}, *allocPage() {} },
    };
    const policy = definePolicy({ ...BASE, *flushTlbMm() {}, flushPoints } as never);
    expect(Object.keys(policy.routines)).toEqual(['flushTlbMm', 'fileEndWrite', 'prepNewPage', 'allocPage']);
    expect(policy.flushPoints).toEqual([
      { name: 'fileWrite', says: 'at a write', routines: ['fileEndWrite'] },
      { name: 'allocate', says: 'at an allocation', routines: ['prepNewPage', 'allocPage'] },
    ]);
    expect(mainline.flushPoints).toEqual([]);
  });

  it.each([
    [
      'two claims on one routine',
      { a: WRITE, b: WRITE },
      'flushPoints.b: fileEndWrite: belongs to flush point a already',
    ],
    [
      'a claim on a routine of the policy',
      { a: { says: 'x', *flushTlbMm() {} } },
      'flushTlbMm: belongs to the policy itself',
    ],
    [
      'a routine that does not exist',
      { a: { says: 'x', *fileEndWrit() {} } },
      'flushPoints.a: fileEndWrit: no kernel routine',
    ],
    ['a routine that is no generator', { a: { says: 'x', fileEndWrite: () => {} } }, 'expected a generator function'],
    ['a point without a sentence', { a: { *fileEndWrite() {} } }, 'flushPoints.a: says: expected a sentence'],
    ['a point without routines', { a: { says: 'x' } }, 'flushPoints.a: expected a kernel routine'],
    ['a name in kebab case', { 'file-write': WRITE }, 'flushPoints: "file-write": expected a name in camelCase'],
    ['no object', 7, 'flushPoints: expected an object'],
  ])('refuse %s, in one line', (_, flushPoints, message) => {
    const define = () => definePolicy({ ...BASE, *flushTlbMm() {}, flushPoints } as never);
    expect(define).toThrow(/^policy "mine": flushPoints[^\n]*$/);
    expect(define).toThrow(message);
  });
});

describe('a dropped flush point', () => {
  it('is a patch that gives the routines back to mainline', () => {
    const patch = dropPoint(POLICIES['luf-v11'], 'fileWrite');
    expect(patch).toMatchObject({ name: 'drop-file-write', source: 'ablation', year: undefined });
    expect(patch.routines).toEqual({ fileEndWrite: MAINLINE.fileEndWrite });
  });

  it('is one that the policy has', async () => {
    expect(() => dropPoint(POLICIES['luf-v11'], 'write')).toThrow(/^flush point "write": expected one of allocate, /);
    await expect(loadPatches(['drop:write'], POLICIES['luf-v11'])).rejects.toThrow(
      'flush point "write": no such name; expected one of allocate, isolateFree, fileWrite, lostRace, initOnFree',
    );
    await expect(loadPatches(['drop:write'], mainline)).rejects.toThrow('mainline has no flush points');
  });

  /** What the policy is convicted of, as it is or without the point. */
  const look = (name: string, scenario: string, drop?: string) =>
    harmOf(POLICIES[name], scenario, { seed: 1, schedules: 300, drop });

  it.each(['xen-clock', 'luf-v11'])('%s: what the write to a file is for is found', (name) => {
    expect(look(name, 'seed-page-cache', 'fileWrite')).toBe('stale-read');
    expect(look(name, 'seed-page-cache')).toBeUndefined();
  });

  it.each([
    ['luf-v11', 'isolateFree'],
    ['luf-v12', 'isolateFree'],
    ['xen-clock', 'allocate'],
  ])('%s: what it pays for frames that compaction takes is found', (name, point) => {
    expect(look(name, 'compaction-reuse', point)).toBe('frame-reuse');
    expect(look(name, 'compaction-reuse')).toBeUndefined();
  });
});
