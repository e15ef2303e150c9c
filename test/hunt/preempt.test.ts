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
import { OperationWalk } from '#tlblab/hunt/strategies/operation-walk.js';
import { Preempt } from '#tlblab/hunt/strategies/preempt.js';
import type { Strategy } from '#tlblab/hunt/strategies/strategy.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { devmigrate, load, mmap, race, store } from '#tlblab/program/builder.js';
import { SCENARIOS } from '../bugs/scenarios.ts';

const SETTINGS = { policy: policyNamed('mainline'), patches: [], strict: false, costs: 'bare-metal' } as const;
const QUIET = { actions: 0, ticks: 0 };

/** For each run of the scenario, how often another CPU went on when an operation, or the handler of an interrupt, had not ended. */
function heldInRuns(scenario: string, strategy: Strategy, runs: number, what: 'operations' | 'handlers'): number[] {
  const stepper = new Stepper(huntingPlan(SCENARIOS[scenario].program, SETTINGS));
  const run = new MachineRun(stepper);
  return Array.from({ length: runs }, () => {
    stepper.reset();
    strategy.begin(run);
    let switches = 0;
    let last = { cpu: -1, operation: -1 };
    execute(stepper, () => {
      const c = strategy.choose(run) as Choice;
      const cpu = choiceCpu(c);
      const isInIt = what === 'operations' || (last.cpu >= 0 && run.isInterrupted(last.cpu as never));
      const stillIn = last.cpu >= 0 && isInIt && run.operationOf(last.cpu as never) === last.operation;
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
    const switches = heldInRuns('t1-01', new Preempt(randomFrom(3, 1), 1, QUIET), 40, 'operations');
    expect(switches.filter((n) => n > 0).length).toBeGreaterThan(20);
    expect(switches.filter((n) => n > 6)).toEqual([]);
  });

  it('holds handlers of interrupts up, too', () => {
    const preempts = heldInRuns('t1-05', new Preempt(randomFrom(3, 1), 1, QUIET), 1000, 'handlers');
    // the CPU that waits for the acknowledgement goes on when it has come: that is once
    expect(preempts.filter((n) => n > 1)).not.toEqual([]);
    const whole = heldInRuns('t1-05', new OperationWalk(randomFrom(3, 1), QUIET), 1000, 'handlers');
    expect(whole.filter((n) => n > 1)).toEqual([]);
  });

  it('holds what leaves a TLB stale before it has learnt where to hold', () => {
    const first = Array.from({ length: 40 }, (_, seed) =>
      heldInRuns('t1-11', new Preempt(randomFrom(seed, 1), 1, QUIET), 1, 'operations').filter((n) => n > 0),
    );
    expect(first.flat().length).toBeGreaterThan(10);
  });

  it('gives everybody a turn where tasks look again and again for what only one that is held can give them', () => {
    const waits = race(
      { cpus: 2, override: { swapSlots: 4 } },
      {
        setup: [mmap(8, 1, 'rw', { fixed: true }), store(8)],
        P0: [load(8), load(8)],
        P1: [devmigrate(8)],
        P2: { cpu: 0, ops: [load(8), load(8)] },
      },
    );
    const stepper = new Stepper(huntingPlan(waits, SETTINGS));
    const run = new MachineRun(stepper);
    const strategy = new Preempt(randomFrom(4, 1), 1, QUIET);
    const lengths = Array.from({ length: 300 }, () => {
      stepper.reset();
      strategy.begin();
      return execute(stepper, () => strategy.choose(run)).steps;
    });
    expect(Math.max(...lengths)).toBeGreaterThan(500);
    expect(Math.max(...lengths)).toBeLessThan(2500);
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
