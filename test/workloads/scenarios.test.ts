/** What the bundled scenarios are for: a policy that never flushes is convicted in each, correct ones are not. */
import { describe, expect, it } from 'vitest';
import { hunt } from '#tlblab/hunt/hunt.js';
import { POLICIES } from '#tlblab/policy/index.js';
import { listScenarios, loadScenario } from '../../dist/workloads/index.js';

const SCHEDULES = 200;

const huntIn = (scenario: string, policy: string) =>
  hunt({
    policy: POLICIES[policy],
    patches: [],
    source: loadScenario(scenario),
    seed: 7,
    schedules: SCHEDULES,
    strict: false,
    costs: 'bare-metal',
    outOfTime: () => false,
  });

describe.each(listScenarios())('scenario %s', (scenario) => {
  it('convicts never', () => {
    expect(huntIn(scenario, 'never').found?.conviction.harm).toMatch(
      /^(frame-reuse|table-reuse|isolation|lost-write|rights-bypass|va-reuse|stale-read|inversion|missed-tracking)$/,
    );
  });

  it.each(['eager', 'mainline'])('does not convict %s', (policy) => {
    const { found, schedules } = huntIn(scenario, policy);
    expect(found?.conviction).toBeUndefined();
    expect(schedules).toBe(SCHEDULES);
  });
});
