/** What policies that put flushes off owe to a file that changes with no local write: the scenarios o10. */
import { expect, it } from 'vitest';
import { dropPoint } from '#tlblab/bugs/drop-point.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { POLICIES } from '#tlblab/policy/index.js';
import { loadScenario } from '../../dist/workloads/index.js';

function harmOf(policy: string, scenario: string, dropped?: string): string | undefined {
  return hunt({
    policy: POLICIES[policy],
    patches: dropped === undefined ? [] : [dropPoint(POLICIES[policy], dropped)],
    source: loadScenario(`o10-network-${scenario}`),
    seed: 7,
    schedules: 100,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
  }).found?.conviction.harm;
}

it.each([
  // NFS does not invalidate a page cache in which there is nothing
  ['luf-v11', 'file', 'stale-read'],
  ['luf-v12', 'file', 'stale-read'],
  ['luf-v12-flag', 'file', 'stale-read'],
  ['luf-v11', 'cached', 'stale-read'],
  ['luf-v12-flag', 'cached', undefined],
  ['luf-v11', 'refill', 'inversion'],
  ['luf-v12-flag', 'refill', undefined],
  ['luf-v11', 'lock', undefined],
  ['never', 'lock', 'stale-read'],
  ['xen-clock', 'file', undefined],
  ['xen-clock', 'cached', undefined],
  ['xen-clock', 'refill', undefined],
  ['xen-clock', 'lock', undefined],
])('%s, %s: %s', (policy, scenario, harm) => {
  expect(harmOf(policy, scenario)).toBe(harm);
});

it.each([
  ['luf-v12-flag', 'cached', 'invalidatePages', 'stale-read'],
  ['luf-v12-flag', 'refill', 'fault', 'inversion'],
  ['xen-clock', 'file', 'revalidated', 'stale-read'],
  ['xen-clock', 'refill', 'serverRead', 'inversion'],
])('%s, %s, without %s: %s', (policy, scenario, dropped, harm) => {
  expect(harmOf(policy, scenario, dropped)).toBe(harm);
});
