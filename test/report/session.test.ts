/** A session of hunts: what ends it. */
import { describe, expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { definePatch } from '#tlblab/bugs/patch.js';
import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { policyNamed } from '#tlblab/policy/index.js';
import type { Patch } from '#tlblab/policy/policy.js';
import { huntSession, type SessionResult } from '#tlblab/report/session.js';

const SCHEDULES = 600;

const same = definePatch({
  name: 'same',
  says: 'does what it did',
  source: 'this test',
  *zapPteRange(cpu, ...rest) {
    return yield* MAINLINE.zapPteRange(cpu, ...rest);
  },
});

/** A hunt over generated programs until the first finding. */
function session(policy: string, patch: Patch): SessionResult & { readonly shown: readonly string[] } {
  const shown: string[] = [];
  const result = huntSession({
    hunt: { policy: policyNamed(policy), patches: [patch], source: 'fuzz', strict: false, costs: 'bare-metal' },
    origin: { tool: 'test', policy, patches: [patch.name], seed: 1, plugins: [], mail: false },
    schedules: SCHEDULES,
    findings: 1,
    feedback: false,
    outOfTime: () => false,
    savesNow: () => false,
    abandoned: () => false,
    progress: () => {},
    found: ({ id }, final) => {
      if (final) shown.push(id);
    },
  });
  return { ...result, shown };
}

describe('a session', () => {
  it('ends with the first finding that the patches are to blame for', () => {
    const { verdict, anyway, shown, schedules } = session('mainline', BUGS['t1-14-none']);
    expect(verdict).toBe('violation');
    expect(shown).toHaveLength(1);
    expect(anyway.size).toBe(0);
    expect(schedules).toBeLessThan(SCHEDULES);
  });

  it('goes on behind findings that are there without the patches, and reports them as such', () => {
    const { verdict, anyway, shown, schedules } = session('never', same);
    expect(verdict).toBe('violation');
    expect(shown.length).toBeGreaterThan(0);
    expect([...anyway].sort()).toEqual([...new Set(shown)].sort());
    expect(schedules).toBeGreaterThanOrEqual(SCHEDULES);
  });
});
