/** What the flush clock must not put off, and where it must pay. */
import { describe, expect, it } from 'vitest';
import { POLICIES } from '#tlblab/policy/index.js';
import { harmOf } from '../hunt/harm.js';

const harmIn = (policy: string, scenario: string, drop?: string) =>
  harmOf(POLICIES[policy], scenario, { schedules: 50, drop });

it('a flush beside a writable entry that is flushed at once, because no other CPU has its address space', () => {
  expect(harmIn('luf-v12-flag', 'flushed-at-once')).toBe('stale-read');
  expect(harmIn('xen-clock', 'flushed-at-once')).toBeUndefined();
});

describe.each([
  ['swap-in-store', 'swapIn'],
  ['reuse-store', 'widened'],
])('anonymous memory becomes writable: %s', (scenario, point) => {
  it('is paid for', () => {
    expect(harmIn('xen-clock', scenario)).toBeUndefined();
  });
  it('would not be otherwise', () => {
    expect(harmIn('xen-clock', scenario, point)).toBe('stale-read');
  });
});
