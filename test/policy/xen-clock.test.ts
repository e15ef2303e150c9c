/** What the flush clock must not put off. */
import { expect, it } from 'vitest';
import { hunt } from '#tlblab/hunt/hunt.js';
import { POLICIES } from '#tlblab/policy/index.js';
import { parseLitmus } from '#tlblab/program/litmus.js';

it('a flush beside a writable entry that is flushed at once, because no other CPU has its address space', () => {
  const text = `TLB writable-elsewhere
{
  machine: cpus=3, geometry=tiny;
  file f 1;
  task P3: mm=1;
  P3: p = mmap(rw, populate, shared, file f) at @26;
  P0: q = mmap(r, shared, file f) at @28;
  P2: load q;
  P3: migrate f[0];
}
 P0 | P2     | P3      ;
    | load q | store p ;
`;
  const harmOf = (policy: string) =>
    hunt({
      policy: POLICIES[policy],
      patches: [],
      source: parseLitmus(text, 'writable-elsewhere'),
      seed: 7,
      schedules: 50,
      strict: false,
      costs: 'bare-metal',
      outOfTime: () => false,
    }).found?.conviction.harm;
  expect(harmOf('never')).toBe('stale-read');
  expect(harmOf('xen-clock')).toBeUndefined();
});
