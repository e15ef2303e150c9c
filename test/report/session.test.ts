/** A session of hunts: what ends it. */
import { describe, expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { huntSession, type SessionResult } from '#tlblab/report/session.js';

const SCHEDULES = 600;

/** A hunt over generated programs until the first finding. */
function session(policy: string, patch: string): SessionResult & { readonly shown: readonly string[] } {
  const shown: string[] = [];
  const result = huntSession({
    hunt: { policy: policyNamed(policy), patches: [BUGS[patch]], source: 'fuzz', strict: false, costs: 'bare-metal' },
    origin: { tool: 'test', policy, patches: [patch], seed: 1, plugins: [], mail: false },
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
    const { verdict, anyway, shown, schedules } = session('mainline', 't1-14-none');
    expect(verdict).toBe('violation');
    expect(shown).toHaveLength(1);
    expect(anyway.size).toBe(0);
    expect(schedules).toBeLessThan(SCHEDULES);
  });

  it('goes on behind findings that are there without the patches, and reports them as such', () => {
    const { verdict, anyway, shown, schedules } = session('never', 't1-13');
    expect(verdict).toBe('violation');
    expect(shown.length).toBeGreaterThan(0);
    expect([...anyway].sort()).toEqual([...new Set(shown)].sort());
    expect(schedules).toBeGreaterThanOrEqual(SCHEDULES);
  });
});
