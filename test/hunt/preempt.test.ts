import { describe, expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import type { Choice } from '#tlblab/engine/choice.js';
import { choiceCpu } from '#tlblab/engine/choice.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { execute } from '#tlblab/hunt/execute.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { MachineRun } from '#tlblab/hunt/machine-run.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { Preempt } from '#tlblab/hunt/strategies/preempt.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { SCENARIOS } from '../bugs/scenarios.ts';

const SETTINGS = { policy: policyNamed('mainline'), patches: [], strict: false, costs: 'bare-metal' } as const;
const QUIET = { actions: 0, ticks: 0 };

/** For each run of the scenario, whose operations had begun and not ended when another CPU went on. */
function heldInRuns(most: number, runs: number): number[] {
  const stepper = new Stepper(huntingPlan(SCENARIOS['t1-01'].program, SETTINGS));
  const run = new MachineRun(stepper);
  const strategy = new Preempt(randomFrom(3, 1), most, QUIET);
  return Array.from({ length: runs }, () => {
    stepper.reset();
    strategy.begin();
    let switches = 0;
    let last = { cpu: -1, operation: -1 };
    execute(stepper, () => {
      const c = strategy.choose(run) as Choice;
      const cpu = choiceCpu(c);
      const stillIn = last.cpu >= 0 && run.operationOf(last.cpu as never) === last.operation;
      const couldGoOn = run.choices.some((other) => choiceCpu(other) === last.cpu);
      if (cpu !== last.cpu && stillIn && couldGoOn) switches++;
      last = { cpu, operation: run.operationOf(cpu) };
      return c;
    });
    return switches;
  });
}

describe('preempt', () => {
  it('holds operations up half-way, and seldom more than that', () => {
    const switches = heldInRuns(1, 40);
    expect(switches.filter((n) => n > 0).length).toBeGreaterThan(20);
    expect(switches.filter((n) => n > 6)).toEqual([]);
  });

  it('finds races between two and between three CPUs, of which whole operations show nothing', () => {
    for (const bug of ['t1-01', 't1-02-mprotect', 't1-05']) {
      const found = (strategy: 'preempt-1' | 'preempt-2' | 'operations') =>
        hunt({
          ...SETTINGS,
          ...{ source: SCENARIOS[bug].program, patches: [BUGS[bug]], seed: 2, schedules: 600, strategies: [strategy] },
          outOfTime: () => false,
        }).found?.conviction.harm;
      expect([bug, found('preempt-1')]).toEqual([bug, SCENARIOS[bug].harm]);
      expect([bug, found('preempt-2')]).toEqual([bug, SCENARIOS[bug].harm]);
      expect([bug, found('operations')]).toEqual([bug, undefined]);
    }
  });
});
