import { describe, expect, it } from 'vitest';
import { type Choice, choiceCpu } from '#tlblab/engine/choice.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import type { CpuId } from '#tlblab/hardware/types.js';
import { execute } from '#tlblab/hunt/execute.js';
import { HUNTING_COSTS, huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { MachineRun } from '#tlblab/hunt/machine-run.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { OperationWalk } from '#tlblab/hunt/strategies/operation-walk.js';
import { RandomWalk } from '#tlblab/hunt/strategies/random-walk.js';
import type { Strategy } from '#tlblab/hunt/strategies/strategy.js';
import { mainline } from '#tlblab/policy/mainline.js';
import { parseLitmus } from '#tlblab/program/litmus-parser.js';

const QUIET = { actions: 0, ticks: 0 };

interface Turns {
  /** The CPUs of the events, repetitions left out. */
  readonly order: string;
  /** Turns that ended although the operation they began with could go on. */
  readonly within: number;
}

function turnsOf(strategy: Strategy, schedules: number): Turns[] {
  const options = { policy: mainline, patches: [], strict: false, costs: HUNTING_COSTS };
  const stepper = new Stepper(huntingPlan(parseLitmus(APART, 'test'), options));
  const run = new MachineRun(stepper);
  return Array.from({ length: schedules }, () => {
    let order = '';
    let within = 0;
    let began = 0;
    strategy.begin(run);
    stepper.reset();
    const { convicted } = execute(stepper, () => {
      const c = strategy.choose(run);
      const cpu = choiceCpu(c as Choice);
      const last = order.at(-1);
      if (last === String(cpu)) return c;
      const could = run.choices.some((other) => String(choiceCpu(other)) === last);
      if (could && run.operationOf(Number(last) as CpuId) === began) within++;
      began = run.operationOf(cpu);
      order += cpu;
      return c;
    });
    expect(convicted).toBeUndefined();
    return { order, within };
  });
}

const APART = `TLB apart
{
  machine: cpus=2, geometry=tiny;
  p = mmap(rw, 3);
  q = mmap(rw, 3);
}
 P0         | P1         ;
 store p    | store q    ;
 store p[1] | store q[1] ;
 store p[2] | store q[2] ;
`;

describe('a walk over operations', () => {
  it('changes the CPU only between operations, and into many orders of them', () => {
    const turns = turnsOf(new OperationWalk(randomFrom(3), QUIET), 400);
    expect(turns.filter(({ within }) => within > 0)).toEqual([]);
    // five pieces of each CPU (it begins, three stores, it ends), so up to ten turns, either CPU first
    expect(new Set(turns.map(({ order }) => order)).size).toBeGreaterThan(15);
    const steps = turnsOf(new RandomWalk(randomFrom(3), QUIET), 20);
    expect(steps.every(({ within }) => within > 5)).toBe(true);
  });
});
