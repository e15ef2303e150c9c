import { describe, expect, it } from 'vitest';
import { type Choice, choiceCpu } from '#tlblab/engine/choice.js';
import type { MachinePlan } from '#tlblab/engine/machine-plan.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { allPrograms } from '#tlblab/hunt/all-programs.js';
import { HUNTING_COSTS, hunt, huntingPlan, recording } from '#tlblab/hunt/hunt.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { StateHash } from '#tlblab/hunt/state-hash.js';
import { Verifier } from '#tlblab/hunt/verify.js';
import { disjoint } from '#tlblab/memory/step-record.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { parseLitmus } from '#tlblab/program/litmus.js';
import type { Program } from '#tlblab/program/program.js';
import { loadScenario } from '../../dist/workloads/index.js';

const planOf = (program: Program, policy: string): MachinePlan =>
  huntingPlan(program, { policy: policyNamed(policy), patches: [], strict: false, costs: HUNTING_COSTS });

describe('independent events', () => {
  /** Samples pairs of events of different CPUs and runs both orders; returns [pairs with disjoint footprints, those that differ]. */
  function sample(plan: MachinePlan, samples: number): [number, string[]] {
    const stepper = new Stepper(recording(plan));
    const random = randomFrom(1);
    const wrong: string[] = [];
    let independent = 0;
    for (let i = 0; i < samples; i++) {
      stepper.reset();
      const before: Choice[] = [];
      for (let left = random.below(60); left > 0 && stepper.choices.length > 0; left--) {
        before.push(stepper.choices[random.below(stepper.choices.length)]);
        stepper.step(before[before.length - 1]);
      }
      const [a, b] = [0, 1].map((cpu) => stepper.choices.filter((c) => choiceCpu(c) === cpu)[0]);
      if (a === undefined || b === undefined) continue;
      const both = ([first, second]: Choice[]) => {
        stepper.reset();
        for (const c of before) stepper.step(c);
        stepper.step(first);
        const touches = stepper.footprint();
        if (stepper.choices.includes(second)) stepper.step(second);
        const { low, high } = new StateHash().take(stepper);
        return { touches, state: `${low} ${high} ${stepper.choices}` };
      };
      const [ab, ba] = [both([a, b]), both([b, a])];
      if (!disjoint(ab.touches, ba.touches)) continue;
      independent++;
      if (ab.state !== ba.state) wrong.push(`${before} then ${a} and ${b}`);
    }
    return [independent, wrong];
  }

  it.each([
    ['mainline', 'munmap-touch'],
    ['luf-v11', 'reclaim-kept'],
  ])('commute: %s, %s', (policy, scenario) => {
    const [independent, wrong] = sample(planOf(loadScenario(scenario), policy), 300);
    expect(wrong).toEqual([]);
    expect(independent).toBeGreaterThan(40);
  });
});

/** Programs of up to two operations on each of two CPUs that share a page. */
function small(): Program[] {
  const columns: string[][] = [
    ['load p'],
    ['store p'],
    ['load p', 'load p'],
    ['store p', 'load p'],
    ['dontneed p'],
    ['munmap p'],
    ['mprotect p r', 'load p'],
  ];
  return columns.flatMap((left, i) =>
    columns.slice(i).map((right) => {
      const name = `small-${i}-${columns.indexOf(right)}`;
      const rows = [0, 1].map((k) => `${left[k] ?? ''} | ${right[k] ?? ''};`).join('\n');
      const start = 'machine: cpus=2, geometry=tiny; p = mmap(rw); store p; P1: load p;';
      return parseLitmus(`TLB ${name} { ${start} } P0 | P1; ${rows}`, name);
    }),
  );
}

it('all programs of so many operations: each once, up to exchange of the CPUs', () => {
  const names = [...allPrograms(2)].map(({ name }) => name);
  expect(names).toHaveLength((6 * 7) / 2);
  expect(new Set(names).size).toBe(names.length);
  expect([...allPrograms(3)]).toHaveLength(6 * 36);
});

describe('verify', () => {
  it('comes to the verdict of plain sleep sets on programs of up to 2 + 2 operations', () => {
    const most = 400;
    let compared = 0;
    for (const policy of ['mainline', 'never']) {
      for (const program of small()) {
        let runs = 0;
        const verified = new Verifier(planOf(program, policy)).run(() => ++runs > most);
        const about = {
          policy: policyNamed(policy),
          patches: [],
          source: program,
          strict: false,
          costs: HUNTING_COSTS,
        };
        const searched = hunt({
          ...about,
          seed: 1,
          schedules: most,
          strategies: ['exhaustive'],
          outOfTime: () => false,
        });
        const ended = (verified.found || verified.complete) && (searched.found || searched.complete);
        if (!ended) continue;
        compared++;
        expect(verified.found !== undefined, `${policy} ${program.name}`).toBe(searched.found !== undefined);
        if (policy === 'mainline') expect(verified.found).toBeUndefined();
      }
    }
    expect(compared).toBeGreaterThan(20);
  });

  it('goes on where it stood as if it had never stopped', () => {
    const plan = planOf(loadScenario('munmap-touch'), 'mainline');
    const whole = new Verifier(plan).run(() => false);
    expect(whole).toMatchObject({ complete: true, found: undefined, diverged: false, progress: 1 });
    const states: Int32Array[] = [];
    let part = new Verifier(plan);
    for (const until of [1, 100, 500]) {
      let progress = 0;
      const result = part.run(() => {
        expect(part.state().progress).toBeGreaterThanOrEqual(progress);
        progress = part.state().progress;
        return part.state().runs >= until;
      });
      expect(result.complete).toBe(false);
      states.push(part.takeNewStates());
      part = new Verifier(plan, 0, { place: JSON.parse(JSON.stringify(part.place())), states });
    }
    expect(part.run(() => false)).toEqual(whole);
  });
});
