/** States that count as one go on alike: the same events are possible, and lead to states that count as one again. */
import { describe, expect, it } from 'vitest';
import { ADVERSARY, type Choice, choice } from '#tlblab/engine/choice.js';
import type { MachinePlan } from '#tlblab/engine/machine-plan.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { mainlineSwapRecheck } from '#tlblab/fixes/mainline-swap-recheck.js';
import { adversaryActions } from '#tlblab/hardware/adversary.js';
import type { CpuId } from '#tlblab/hardware/types.js';
import { HUNTING_COSTS, huntingPlan, recording } from '#tlblab/hunt/hunting-plan.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { allPrograms } from '#tlblab/hunt/verify/all-programs.js';
import { StateHash } from '#tlblab/hunt/verify/state-hash.js';
import { Verifier } from '#tlblab/hunt/verify/verify.js';
import { policyNamed } from '#tlblab/policy/index.js';
import type { Patch } from '#tlblab/policy/policy.js';
import type { Program } from '#tlblab/program/program.js';
import { loadScenario } from '../../dist/workloads/index.js';

const planOf = (program: Program, policy: string, patches: readonly Patch[] = []): MachinePlan =>
  huntingPlan(program, { policy: policyNamed(policy), patches: [...patches], strict: false, costs: HUNTING_COSTS });

const stateOf = (stepper: Stepper): string => {
  const { low, high } = new StateHash().take(stepper);
  return `${low} ${high}: ${stepper.choices}; ${stepper.machine.oracle?.violation?.harm}`;
};

/** Pairs of different images that counted as one state, and how some of them went on differently. */
function compare(plan: MachinePlan, runs: number): { pairs: number; differ: string[] } {
  const [stepper, other] = [new Stepper(recording(plan)), new Stepper(recording(plan))];
  const random = randomFrom(11);
  const seen = new Map<string, { image: string; path: readonly Choice[] }>();
  const differ: string[] = [];
  let pairs = 0;
  const next = (): Choice => {
    const cpu = random.below(stepper.machine.geometry.cpus) as CpuId;
    const acts: number[] = [];
    const n = random.below(25) === 0 ? adversaryActions(stepper.cpuAt(cpu), stepper.machine.pages, acts) : 0;
    if (n > 0) return choice(ADVERSARY, cpu, acts[random.below(n)]);
    return stepper.choices[random.below(stepper.choices.length)];
  };
  for (let run = 0; run < runs; run++) {
    stepper.reset();
    const path: Choice[] = [];
    while (stepper.choices.length > 0 && path.length < 400 && !stepper.machine.oracle?.violation) {
      const c = next();
      path.push(c);
      stepper.step(c);
      const state = stateOf(stepper);
      const image = stepper.machine.mem.hash();
      const former = seen.get(state);
      if (former === undefined) seen.set(state, { image, path: [...path] });
      if (former === undefined || former.image === image || pairs > 400) continue;
      pairs++;
      other.reset();
      for (const before of former.path) other.step(before);
      // the run goes on as it would, and the other along with it
      for (let i = 0; i < 60 && stepper.choices.length > 0 && !stepper.machine.oracle?.violation; i++) {
        const then = next();
        path.push(then);
        stepper.step(then);
        other.step(then);
        if (stateOf(stepper) === stateOf(other)) continue;
        differ.push(`behind ${path} and ${former.path}`);
        break;
      }
    }
  }
  return { pairs, differ };
}

describe('states that count as one', () => {
  it('go on alike in scenarios, under policies that are right and one that is not', () => {
    const places = [
      ['mainline', 'munmap-touch'],
      ['mainline', 'mprotect-store'],
      ['mainline', 'lazy-munmap'],
      ['mainline', 'table-free'],
      ['mainline', 'mremap-touch'],
      ['mainline', 'o05-mprotect'],
      ['luf-v11', 'reclaim-kept'],
      ['luf-v12', 'reclaim-kept'],
      ['never', 'dontneed-touch'],
    ];
    const all = places.map(([policy, scenario]) => compare(planOf(loadScenario(scenario), policy), 60));
    expect(all.flatMap(({ differ }) => differ)).toEqual([]);
    // each of most of them has shown pairs
    expect(all.filter(({ pairs }) => pairs > 0).length).toBeGreaterThan(5);
  });

  it('go on alike where operations are left to choice', () => {
    const plans = [4, 11, 14, 20, 28].map((i) => allPrograms(4)[i]);
    const all = plans.map(({ program, menu }) => compare({ ...planOf(program, 'mainline'), menu }, 80));
    expect(all.flatMap(({ differ }) => differ)).toEqual([]);
    expect(all.reduce((sum, { pairs }) => sum + pairs, 0)).toBeGreaterThan(200);
  });

  it('are fewer under a patch that promises not to ask RCU, and go on alike', () => {
    const states = [mainlineSwapRecheck, { ...mainlineSwapRecheck, asksRcu: true }].map((patch) => {
      const plan = planOf(loadScenario('mprotect-store'), 'mainline', [patch]);
      expect(compare(plan, 60).differ).toEqual([]);
      const { complete, states } = new Verifier(plan).run(() => false);
      expect(complete).toBe(true);
      return states;
    });
    expect(states[0]).toBeLessThan(states[1]);
  });
});
