/** What policies that put flushes off owe where content changes and no program here has written: the scenarios o07 and o10; and past the page cache. */
import { expect, it } from 'vitest';
import { POLICIES } from '#tlblab/policy/index.js';
import { harmOf } from '../hunt/harm.js';

const harmIn = (policy: string, scenario: string, drop?: string) =>
  harmOf(POLICIES[policy], scenario, { schedules: 100, drop });

it.each([
  ['never', 'o07-init-on-free', 'stale-read'],
  ['luf-v11', 'o07-init-on-free', undefined],
  ['luf-v12', 'o07-init-on-free', undefined],
  ['luf-v12-flag', 'o07-init-on-free', undefined],
  ['xen-clock', 'o07-init-on-free', undefined],
  // NFS does not invalidate a page cache in which there is nothing
  ['luf-v11', 'o10-network-file', 'stale-read'],
  ['luf-v12', 'o10-network-file', 'stale-read'],
  ['luf-v12-flag', 'o10-network-file', 'stale-read'],
  ['luf-v11', 'o10-network-cached', 'stale-read'],
  ['luf-v12-flag', 'o10-network-cached', undefined],
  ['luf-v11', 'o10-network-refill', 'inversion'],
  ['luf-v12-flag', 'o10-network-refill', undefined],
  ['luf-v11', 'o10-network-lock', undefined],
  ['never', 'o10-network-lock', 'stale-read'],
  ['xen-clock', 'o10-network-file', undefined],
  ['xen-clock', 'o10-network-cached', undefined],
  ['xen-clock', 'o10-network-refill', undefined],
  ['xen-clock', 'o10-network-lock', undefined],
  ['luf-v11', 'direct-write', undefined],
  ['luf-v12', 'direct-write', 'stale-read'],
  ['luf-v12-flag', 'direct-write', undefined],
  ['xen-clock', 'direct-write', undefined],
  ['luf-v11', 'iomap-write', undefined],
  ['luf-v12', 'iomap-write', 'stale-read'],
  // iomap_file_buffered_write() is no caller of write_begin()
  ['luf-v12-flag', 'iomap-write', 'stale-read'],
  ['xen-clock', 'iomap-write', undefined],
  ['never', 'punch-hole', 'stale-read'],
  ['luf-v11', 'punch-hole', undefined],
  ['luf-v12', 'punch-hole', undefined],
  ['xen-clock', 'punch-hole', undefined],
  // file_end_write() does nothing for a block device
  ['luf-v11', 'shared-disk', 'stale-read'],
  ['luf-v12', 'shared-disk', 'stale-read'],
  ['luf-v12-flag', 'shared-disk', undefined],
  ['xen-clock', 'shared-disk', undefined],
  ['luf-v11', 'shared-disk-refill', 'inversion'],
  ['luf-v12', 'shared-disk-refill', 'inversion'],
  ['luf-v12-flag', 'shared-disk-refill', undefined],
  ['xen-clock', 'shared-disk-refill', undefined],
  ['mainline', 'fuse-store', undefined],
  ['luf-v11', 'fuse-store', 'stale-read'],
  // no write_begin(), and nothing is dropped
  ['luf-v12-flag', 'fuse-store', 'stale-read'],
  ['xen-clock', 'fuse-store', undefined],
  ['luf-v11', 'fuse-inval', 'stale-read'],
  ['luf-v12-flag', 'fuse-inval', undefined],
  ['xen-clock', 'fuse-inval', undefined],
  ['luf-v11', 'fuse-replace', 'inversion'],
  // a fault in a mapping that cannot become writable does not flush
  ['luf-v12-flag', 'fuse-replace', 'inversion'],
  ['xen-clock', 'fuse-replace', undefined],
])('%s, %s: %s', (policy, scenario, harm) => {
  expect(harmIn(policy, scenario)).toBe(harm);
});

it.each([
  ['luf-v11', 'o07-init-on-free', 'initOnFree', 'stale-read'],
  ['luf-v12-flag', 'o10-network-cached', 'invalidatePages', 'stale-read'],
  ['luf-v12-flag', 'o10-network-refill', 'fault', 'inversion'],
  ['xen-clock', 'o10-network-file', 'revalidated', 'stale-read'],
  ['xen-clock', 'o10-network-refill', 'serverRead', 'inversion'],
  ['luf-v11', 'direct-write', 'fileWrite', 'stale-read'],
  ['luf-v12-flag', 'direct-write', 'invalidatePages', 'stale-read'],
  ['luf-v12-flag', 'shared-disk', 'invalidatePages', 'stale-read'],
  ['xen-clock', 'direct-write', 'directWrite', 'stale-read'],
  ['xen-clock', 'iomap-write', 'fileWrite', 'stale-read'],
  ['xen-clock', 'fuse-store', 'fileWrite', 'stale-read'],
  ['xen-clock', 'fuse-inval', 'revalidated', 'stale-read'],
  ['xen-clock', 'fuse-replace', 'serverRead', 'inversion'],
])('%s, %s, without %s: %s', (policy, scenario, dropped, harm) => {
  expect(harmIn(policy, scenario, dropped)).toBe(harm);
});
