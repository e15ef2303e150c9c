import { describe, expect, it } from 'vitest';
import { ADVERSARY, type Choice, choice, choiceKind, RUN } from '#tlblab/engine/choice.js';
import type { MachinePlan } from '#tlblab/engine/machine-plan.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { adversaryActions } from '#tlblab/hardware/adversary.js';
import type { CpuId } from '#tlblab/hardware/types.js';
import { execute } from '#tlblab/hunt/execute.js';
import { allTraits, generateProgram } from '#tlblab/hunt/generate/generator.js';
import { HUNTING_COSTS, huntingPlan, recording, rewinding } from '#tlblab/hunt/hunting-plan.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { allPrograms } from '#tlblab/hunt/verify/all-programs.js';
import { StateHash } from '#tlblab/hunt/verify/state-hash.js';
import type { MemoryModel } from '#tlblab/memory/tso-memory.js';
import { policyNamed } from '#tlblab/policy/index.js';
import type { Program } from '#tlblab/program/program.js';
import { listScenarios, loadScenario } from '../../dist/workloads/index.js';

const RUNS = 8;

const planOf = (program: Program, policy: string, memory?: MemoryModel): MachinePlan =>
  huntingPlan(program, { policy: policyNamed(policy), patches: [], strict: false, costs: HUNTING_COSTS, memory });

type Random = ReturnType<typeof randomFrom>;

/** A choice of the state, an act of hardware or a tick now and then, and often of the CPU that has just moved. */
function anyChoice(stepper: Stepper, random: Random, last: number): Choice {
  const { choices, machine } = stepper;
  const cpu = random.below(machine.geometry.cpus) as CpuId;
  if (random.below(20) === 0) {
    const acts: number[] = [];
    const n = adversaryActions(stepper.cpuAt(cpu), machine.pages, acts);
    if (n > 0) return choice(ADVERSARY, cpu, acts[random.below(n)]);
  }
  const tick = stepper.tickChoice(cpu);
  if (tick >= 0 && random.below(20) === 0) return tick as Choice;
  const same = choices.filter((c) => choiceKind(c) === RUN && c === last);
  return same.length > 0 && random.below(3) > 0 ? same[0] : choices[random.below(choices.length)];
}

function stateOf(stepper: Stepper): string {
  const { low, high } = new StateHash().take(stepper);
  return `${low} ${high} of ${stepper.steps}: ${stepper.choices}; ${stepper.machine.oracle?.violation?.says}`;
}

/** What is thrown in the midst of the step. */
function failureOf(stepper: Stepper, c: Choice): string | undefined {
  try {
    stepper.step(c);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

/** Runs that go on from any step of the last one. Each state is compared with that of a machine that came there from its reset. */
function rewound(plan: MachinePlan, runs: number): { steps: number; differs: string | undefined } {
  const stepper = new Stepper(rewinding(plan));
  const straight = new Stepper(recording(plan));
  const random = randomFrom(7);
  const path: Choice[] = [];
  let steps = 0;
  for (let run = 0; run < runs; run++) {
    if (run > 0) {
      path.length = random.below(path.length + 1);
      if (!stepper.goesBackTo(path.length)) return { steps, differs: `cannot go back to ${path.length}` };
      stepper.goBack(path.length);
    }
    straight.reset();
    for (const c of path) straight.step(c);
    for (let left = random.below(120); left >= 0 && stepper.choices.length > 0; left--) {
      if (stateOf(stepper) !== stateOf(straight)) return { steps, differs: `run ${run}, behind ${path}` };
      if (stepper.machine.oracle?.violation) break;
      const c = anyChoice(stepper, random, path[path.length - 1]);
      const [failed, alsoFailed] = [stepper, straight].map((s) => failureOf(s, c));
      if (failed !== alsoFailed) return { steps, differs: `${failed} behind ${path}, ${c}` };
      if (failed !== undefined) break;
      path.push(c);
      if (`${stepper.footprint()}` !== `${straight.footprint()}`) return { steps, differs: `footprint behind ${path}` };
      steps++;
    }
    // a run that has come to its end is judged, which marks ghosts
    if (stepper.choices.length === 0) execute(stepper, () => -1);
  }
  return { steps, differs: undefined };
}

describe('a run of the stepper goes back to any of its steps', () => {
  it.each(['mainline', 'luf-v11', 'luf-v12'])('on each scenario, under %s', (policy) => {
    const all = listScenarios().map((name) => ({ name, ...rewound(planOf(loadScenario(name), policy), RUNS) }));
    expect(all.filter(({ differs }) => differs !== undefined)).toEqual([]);
    expect(all.filter(({ steps }) => steps < 50).map(({ name }) => name)).toEqual([]);
  });

  it('behind store buffers', () => {
    const all = listScenarios().map((name) => ({ name, ...rewound(planOf(loadScenario(name), 'mainline', 'tso'), 3) }));
    expect(all.filter(({ differs }) => differs !== undefined)).toEqual([]);
    expect(all.filter(({ steps }) => steps < 50).map(({ name }) => name)).toEqual([]);
  });

  it('where operations are left to choice', () => {
    const { program, menu } = allPrograms(4)[20];
    const { steps, differs } = rewound({ ...planOf(program, 'mainline'), menu }, 40);
    expect(differs).toBeUndefined();
    expect(steps).toBeGreaterThan(1000);
  });

  it('in generated programs', () => {
    const differing = Array.from({ length: 40 }, (_, seed) => seed).flatMap((seed) => {
      const random = randomFrom(seed);
      const program = generateProgram(() => random.bits(), allTraits());
      const { differs } = rewound(planOf(program, seed % 2 === 0 ? 'mainline' : 'luf-v12'), RUNS);
      return differs === undefined ? [] : [`seed ${seed}: ${differs}`];
    });
    expect(differing).toEqual([]);
  });
});
