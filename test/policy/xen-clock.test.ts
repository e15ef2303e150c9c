/** What the flush clock must not put off. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { hunt } from '#tlblab/hunt/hunt.js';
import { POLICIES } from '#tlblab/policy/index.js';
import { parseLitmus } from '#tlblab/program/litmus.js';

it('a flush beside a writable entry that is flushed at once, because no other CPU has its address space', () => {
  const name = 'flushed-at-once';
  const text = readFileSync(new URL(`../../workloads/litmus/${name}.litmus`, import.meta.url), 'utf8');
  const harmOf = (policy: string) =>
    hunt({
      policy: POLICIES[policy],
      patches: [],
      source: parseLitmus(text, name),
      seed: 7,
      schedules: 50,
      strict: false,
      costs: 'bare-metal',
      outOfTime: () => false,
    }).found?.conviction.harm;
  expect(harmOf('luf-v12-flag')).toBe('stale-read');
  expect(harmOf('xen-clock')).toBeUndefined();
});
