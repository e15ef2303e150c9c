import { describe, expect, it } from 'vitest';
import { ADVERSARY, type Choice, choice, choiceCpu } from '#tlblab/engine/choice.js';
import type { MachinePlan } from '#tlblab/engine/machine-plan.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import type { CpuId } from '#tlblab/hardware/types.js';
import { execute } from '#tlblab/hunt/execute.js';
import { hunt } from '#tlblab/hunt/hunt.js';
import { HUNTING_COSTS, huntingPlan, recording } from '#tlblab/hunt/hunting-plan.js';
import { MachineRun } from '#tlblab/hunt/machine-run.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { ExactReplay } from '#tlblab/hunt/schedule.js';
import { allPrograms, OPERATION_NAMES } from '#tlblab/hunt/verify/all-programs.js';
import { StateHash } from '#tlblab/hunt/verify/state-hash.js';
import { Verifier } from '#tlblab/hunt/verify/verify.js';
import { disjoint } from '#tlblab/memory/step-record.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { by, load, mmap, mprotect, race, store } from '#tlblab/program/builder.js';
import { parseLitmus } from '#tlblab/program/litmus.js';
import type { Op, Program } from '#tlblab/program/program.js';
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

/** What plain sleep sets find. */
function searched(program: Program, policy: string, schedules: number): { found: boolean; complete: boolean } {
  const about = { policy: policyNamed(policy), patches: [], strict: false, costs: HUNTING_COSTS };
  const way = { seed: 1, schedules, strategies: ['exhaustive'] as const, outOfTime: () => false };
  const { found, complete } = hunt({ ...about, ...way, source: program });
  return { found: found !== undefined, complete };
}

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
    ['migrate p', 'load p'],
    ['reclaim p', 'store p'],
  ];
  return columns.flatMap((left, i) =>
    columns.slice(i).map((right) => {
      const name = `small-${i}-${columns.indexOf(right)}`;
      const rows = [0, 1].map((k) => `${left[k] ?? ''} | ${right[k] ?? ''};`).join('\n');
      const start = 'machine: cpus=2, geometry=tiny; override: swapSlots=2; p = mmap(rw); store p; P1: load p;';
      return parseLitmus(`TLB ${name} { ${start} } P0 | P1; ${rows}`, name);
    }),
  );
}

describe('all programs of so many operations', () => {
  it('are each there once, up to exchange of the CPUs', () => {
    const { length: n } = OPERATION_NAMES;
    const names = allPrograms(2).map(({ program }) => program.name);
    expect(names).toHaveLength((n * (n + 1)) / 2);
    expect(new Set(names).size).toBe(names.length);
    const sum = (ops: number): number => allPrograms(ops).reduce((all, { programs }) => all + programs, 0);
    expect([2, 3].map(sum)).toEqual([names.length, n ** 3]);
    expect(allPrograms(5)[0].menu.more).toEqual([2, 1]);
  });

  it.each([
    ['mainline', store(8), false],
    ['never', mprotect(8, 1, 'none'), true],
  ] as const)('are convicted together if and only if one is by sleep sets alone: %s, %j', (policy, first, expected) => {
    const ops = [load(8), store(8)];
    const program = race(
      { cpus: 2, geometry: 'tiny', switches: { pauses: true } },
      { setup: [mmap(8, 1, 'rw'), store(8), ...by('P1', store(8))], P0: [first], P1: [load(8)] },
    );
    const together = new Verifier({ ...planOf(program, policy), menu: { ops, more: [0, 1] } }).run(() => false);
    const alone = ops.map((op) => {
      const [P0, P1] = program.tasks;
      const one = { ...program, tasks: [P0, { ...P1, ops: [...P1.ops, op] }] };
      return searched(one, policy, 2_000);
    });
    expect(alone.every(({ found, complete }) => found || complete)).toBe(true);
    expect(together.found !== undefined).toBe(expected);
    expect(together.found !== undefined, policy).toBe(alone.some(({ found }) => found));
    if (!together.found) return;
    // what convicts is one of them, and replays as such
    expect(together.found.plan.program.tasks[1].ops).toHaveLength(2);
    const { choices, conviction, plan } = together.found;
    const again = execute(new Stepper(plan), new ExactReplay(choices).choose);
    expect(again.convicted?.says).toBe(conviction.says);
  });
});

describe('hardware on its own', () => {
  /** Two pages of one table, of which nobody has used the first: only a speculative walk can cache it. */
  const beside = (P0: Op): Program =>
    race(
      { cpus: 2, geometry: 'tiny' },
      { setup: [mmap(8, 2, 'rw', { populate: true }), ...by('P1', store(9))], P0: [P0], P1: [load(9)] },
    );

  /** Does any schedule convict? Every choice and every action in every state, nothing left out. */
  function convicts(plan: MachinePlan, actions: number): boolean {
    const stepper = new Stepper(recording(plan));
    const view = new MachineRun(stepper);
    const seen = new Set<string>();
    const open: { path: number[]; left: number }[] = [{ path: [], left: actions }];
    for (let next = open.pop(); next; next = open.pop()) {
      const { path, left } = next;
      let at = 0;
      stepper.reset();
      if (execute(stepper, () => path[at++] ?? -1).convicted) return true;
      const { low, high } = new StateHash().take(stepper);
      const key = `${low} ${high} ${left}`;
      if (seen.has(key)) continue;
      seen.add(key);
      for (const c of stepper.choices) open.push({ path: [...path, c], left });
      if (left === 0 || stepper.choices.length === 0) continue;
      for (const cpu of [0, 1] as CpuId[]) {
        const list: number[] = [];
        const n = view.hardwareActions(cpu, list);
        for (const a of list.slice(0, n)) open.push({ path: [...path, choice(ADVERSARY, cpu, a)], left: left - 1 });
      }
    }
    return false;
  }

  it.each([
    ['never', mprotect(8, 1, 'none'), 0, false],
    ['never', mprotect(8, 1, 'none'), 2, true],
    ['mainline', store(8), 1, false],
  ] as const)('convicts where a search that leaves nothing out does: %s, %j, %i', (policy, op, actions, expected) => {
    const plan = planOf(beside(op), policy);
    const { found, complete } = new Verifier(plan, actions).run(() => false);
    expect({ found: found !== undefined, complete }).toEqual({ found: expected, complete: !expected });
    expect(convicts(plan, actions)).toBe(expected);
  });
});

describe('verify', () => {
  it('comes to the verdict of plain sleep sets on programs of up to 2 + 2 operations', () => {
    const most = 400;
    let compared = 0;
    for (const policy of ['mainline', 'never']) {
      for (const program of small()) {
        let runs = 0;
        const verified = new Verifier(planOf(program, policy)).run(() => ++runs > most);
        const plain = searched(program, policy, most);
        const ended = (verified.found || verified.complete) && (plain.found || plain.complete);
        if (!ended) continue;
        compared++;
        expect(verified.found !== undefined, `${policy} ${program.name}`).toBe(plain.found);
        if (policy === 'mainline') expect(verified.found).toBeUndefined();
      }
    }
    expect(compared).toBeGreaterThan(20);
  });

  it('goes on where it stood as if it had never stopped', () => {
    const plan = planOf(loadScenario('munmap-touch'), 'mainline');
    const whole = new Verifier(plan, 1).run(() => false);
    expect(whole).toMatchObject({ complete: true, found: undefined, diverged: false, progress: 1 });
    const states: Int32Array[] = [];
    let part = new Verifier(plan, 1);
    for (const until of [1, 100, 400, 900]) {
      let progress = 0;
      const result = part.run(() => {
        expect(part.state().progress).toBeGreaterThanOrEqual(progress);
        progress = part.state().progress;
        return part.state().runs >= until;
      });
      expect(result.complete).toBe(false);
      states.push(part.takeNewStates());
      part = new Verifier(plan, 1, { place: JSON.parse(JSON.stringify(part.place())), states });
    }
    expect(part.run(() => false)).toEqual(whole);
  });
});
