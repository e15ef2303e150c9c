/** What the flush clock must not put off, and where it must pay. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dropPoint } from '#tlblab/bugs/drop-point.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { POLICIES } from '#tlblab/policy/index.js';
import { parseLitmus } from '#tlblab/program/litmus.js';

const harmOf = (policy: string, name: string, drop?: string) => {
  const text = readFileSync(new URL(`../../workloads/litmus/${name}.litmus`, import.meta.url), 'utf8');
  return hunt({
    policy: POLICIES[policy],
    patches: drop ? [dropPoint(POLICIES[policy], drop)] : [],
    source: parseLitmus(text, name),
    seed: 7,
    schedules: 50,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
  }).found?.conviction.harm;
};

it('a flush beside a writable entry that is flushed at once, because no other CPU has its address space', () => {
  expect(harmOf('luf-v12-flag', 'flushed-at-once')).toBe('stale-read');
  expect(harmOf('xen-clock', 'flushed-at-once')).toBeUndefined();
});

describe.each([
  ['swap-in-store', 'swapIn'],
  ['reuse-store', 'widened'],
])('anonymous memory becomes writable: %s', (scenario, point) => {
  it('is paid for', () => {
    expect(harmOf('xen-clock', scenario)).toBeUndefined();
  });
  it('would not be otherwise', () => {
    expect(harmOf('xen-clock', scenario, point)).toBe('stale-read');
  });
});
