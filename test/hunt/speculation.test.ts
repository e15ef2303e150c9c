/** What hardware may do on its own, just in time: walks before an entry changes, and walks that a freed table would be read by. */
import { describe, expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { ADVERSARY, type Choice, choiceArgument, choiceCpu, choiceKind } from '#tlblab/engine/choice.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { execute } from '#tlblab/hunt/execute.js';
import { hunt, type RawFinding } from '#tlblab/hunt/hunt.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { MachineRun } from '#tlblab/hunt/machine-run.js';
import { withProbedAccess } from '#tlblab/hunt/probed-access.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { ExactReplay } from '#tlblab/hunt/schedule.js';
import { RandomAdversary } from '#tlblab/hunt/strategies/adversary.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { by, load, mmap, munmap, race, store } from '#tlblab/program/builder.js';
import { SCENARIOS } from '../bugs/scenarios.ts';

const SETTINGS = { policy: policyNamed('mainline'), patches: [], strict: false, costs: 'bare-metal' } as const;
/** One task per CPU in one address space; only P0 has touched page 8. */
const PROGRAM = race(
  { cpus: 2 },
  {
    setup: [mmap(8, 2, 'rw', { fixed: true }), store(8), ...by('P1', load(9))],
    P0: [munmap(8)],
    P1: [load(9)],
  },
);

describe('walks just in time', () => {
  it('are those of pages whose entries the next step may change, on CPUs that have not cached them', () => {
    const stepper = new Stepper(huntingPlan(PROGRAM, SETTINGS));
    const run = new MachineRun(stepper);
    const walks: number[] = [];
    const seen = new Set<string>();
    for (const first of [0, 1]) {
      stepper.reset();
      execute(stepper, (s) => {
        const n = run.timelyWalks(walks);
        for (const c of walks.slice(0, n) as Choice[]) {
          expect(choiceKind(c)).toBe(ADVERSARY);
          seen.add(`CPU${choiceCpu(c)} page ${choiceArgument(c) & 0x1ffff}`);
        }
        return s.choices.find((c) => choiceCpu(c) === first) ?? s.choices[0];
      });
    }
    // CPU 0 has page 8 in its TLB until it is unmapped, and CPU 1 page 9
    expect([...seen]).toEqual(['CPU1 page 8']);
  });

  it('are made to their end, and then the entry is in the TLB', () => {
    const stepper = new Stepper(huntingPlan(PROGRAM, SETTINGS));
    const run = new MachineRun(stepper);
    const adversary = new RandomAdversary(randomFrom(5), { actions: 3, ticks: 0 });
    const cached = (): boolean => stepper.machine.columns.tlb.vpn.peek(1 as never, 0 as never) === 8;
    let hits = 0;
    for (let i = 0; i < 60; i++) {
      stepper.reset();
      adversary.begin();
      let was = false;
      execute(stepper, (s) => {
        was ||= cached();
        const c = adversary.act(run);
        return c >= 0 ? c : s.choices[0];
      });
      if (was) hits++;
    }
    // by chance alone, three acts among a hundred steps and more, it would be hardly any
    expect(hits).toBeGreaterThan(20);
  });
});

describe('a frame that is handed out while a TLB leads to it', () => {
  it('convicts in that step, whether or not an operation returns in it', () => {
    const ends = ['t1-04', 't1-05-early'].map((bug) => {
      const settings = { ...SETTINGS, patches: [BUGS[bug]], adversary: { actions: 0, ticks: 0 } };
      const { found } = hunt({
        ...settings,
        source: SCENARIOS[bug].program,
        seed: 1,
        schedules: 20_000,
        outOfTime: () => false,
      });
      const stepper = new Stepper(found!.plan);
      const oracle = stepper.machine.oracle!;
      const handOut = oracle.frameHandedOut.bind(oracle);
      let last = -1;
      oracle.frameHandedOut = (...event) => {
        last = stepper.steps;
        handOut(...event);
      };
      const { convicted, steps } = execute(stepper, new ExactReplay(found!.choices).choose);
      return { harm: convicted?.harm, atOnce: last === steps - 1 };
    });
    expect(ends).toEqual([
      { harm: 'frame-reuse', atOnce: true },
      { harm: 'frame-reuse', atOnce: true },
    ]);
  });
});

describe('a probed walk', () => {
  const found = (): RawFinding => {
    const { program } = SCENARIOS['t2-15'];
    const settings = { ...SETTINGS, patches: [BUGS['t2-15']], adversary: { actions: 0, ticks: 0 } };
    const result = hunt({ ...settings, source: program, seed: 1, schedules: 2000, outOfTime: () => false });
    if (!result.found) throw new Error('not found');
    return result.found;
  };

  it('convicts without hardware acting on its own; made, it joins the schedule and convicts without a probe', () => {
    const probed = found();
    expect(probed.conviction).toMatchObject({ harm: 'table-reuse', violation: { probe: true } });
    const real = withProbedAccess(probed);
    const joined = real.choices.slice(probed.choices.length) as Choice[];
    expect(joined.map(choiceKind)).toEqual([ADVERSARY, ADVERSARY]);
    expect(real.plan.oracle?.checks?.probe).toBe(false);
    const replayed = execute(new Stepper(real.plan), new ExactReplay(real.choices).choose);
    expect(replayed.convicted).toMatchObject({ harm: 'table-reuse', violation: { probe: false } });
  });
});
