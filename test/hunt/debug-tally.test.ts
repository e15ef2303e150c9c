/** What the debug mode's mechanisms can see and cannot, as the threads argued it: held against the oracle's convictions. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type DebugTally, type MechanismTally, tallyDebug } from '#tlblab/hunt/debug-tally.js';
import { POLICIES } from '#tlblab/policy/index.js';
import { parseLitmus } from '#tlblab/program/litmus.js';

/** Of a bundled scenario, or of generated programs. */
function tally(policy: string, scenario: string, schedules = 60): DebugTally {
  return tallyDebug({
    policy: POLICIES[policy],
    patches: [],
    source:
      scenario === 'fuzz'
        ? 'fuzz'
        : parseLitmus(
            readFileSync(new URL(`../../workloads/litmus/${scenario}.litmus`, import.meta.url), 'utf8'),
            scenario,
          ),
    seed: 7,
    schedules,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
  });
}

const row = ({ mechanisms }: DebugTally, mechanism: string, reading = 'before'): MechanismTally =>
  mechanisms.find((m) => m.mechanism === mechanism && m.reading === reading)!;

describe('debug mode', () => {
  it('with a marker in the entry misses a store through another mapping of the file, a marker in the slot does not', () => {
    const seen = tally('luf-v11', 'o03-alias');
    expect(seen.violations).toBeGreaterThan(10);
    expect(row(seen, 'pte-marker').caught).toBe(0);
    expect(row(seen, 'vma-flag').caught).toBe(0);
    expect(row(seen, 'page-cache-marker').caught).toBe(seen.violations);
  });

  it('with a marker in the slot misses migration, where the slot never is empty', () => {
    const seen = tally('luf-v11', 'migrate-store');
    expect(seen.violations).toBeGreaterThan(10);
    expect(row(seen, 'page-cache-marker').caught).toBe(0);
    expect(row(seen, 'pte-marker').caught).toBe(seen.violations);
  });

  it('sees rule 2 broken before the flush where the flush of write(2) follows in time', () => {
    const seen = tally('luf-v11', 'seed-page-cache');
    expect(seen.violations).toBe(0);
    const before = row(seen, 'page-cache-marker', 'before');
    expect(before.legal[2]).toBeGreaterThan(row(seen, 'page-cache-marker', 'followed-by').legal[2]);
  });

  it('is silent on mainline, which flushes before anything is rewritten', () => {
    for (const source of ['o03-alias', 'o02-file-write', 'reclaim-store', 'migrate-store']) {
      const seen = tally('mainline', source, 100);
      expect(seen.violations).toBe(0);
      for (const { falseAlarms } of seen.mechanisms) expect(falseAlarms).toBe(0);
    }
  });

  it('is not silent where an entry comes back before the batch of reclaim that cleared it is flushed', () => {
    const seen = tally('mainline', 'reclaim-kept', 400);
    expect(seen.violations).toBe(0);
    expect(row(seen, 'pte-marker').legal[1]).toBeGreaterThan(0);
  });

  it('counts the same twice', () => {
    expect(tally('luf-v11', 'reclaim-kept')).toEqual(tally('luf-v11', 'reclaim-kept'));
  });
});
