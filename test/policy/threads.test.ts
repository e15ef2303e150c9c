/** Kernel threads that a policy brings: how they are defined, where they run, and when. */
import { describe, expect, it } from 'vitest';
import { MachineShape } from '#tlblab/engine/machine-shape.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import type { Geometry } from '#tlblab/hardware/geometry.js';
import type { CpuId } from '#tlblab/hardware/types.js';
import { execute } from '#tlblab/hunt/execute.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { isRepeatable } from '#tlblab/hunt/repeatable.js';
import { Verifier } from '#tlblab/hunt/verify/verify.js';
import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { table } from '#tlblab/memory/table.js';
import { mainline } from '#tlblab/policy/mainline.js';
import { definePolicy, type Policy } from '#tlblab/policy/policy.js';
import { by, race, yields } from '#tlblab/program/builder.js';
import type { Program } from '#tlblab/program/program.js';
import { Names } from '#tlblab/report/names.js';

const BASE = { name: 'mine', says: 'a test', base: 'mainline 6.18' };
/** Runs of each thread on each CPU. */
const RUNS = table<CpuId, Geometry>()('runs', (g) => g.cpus, { last: { private: 'cpu' }, first: { private: 'cpu' } });

/** sched_yield() wakes both threads, the first one twice. */
const TWO = definePolicy({
  ...BASE,
  tables: [RUNS],
  threads: {
    last: {
      says: 'counts',
      *run(cpu) {
        const { last } = cpu.wordsOf(RUNS);
        last.put(cpu.id, last.own(cpu.id) + 1);
      },
    },
    first: {
      says: 'counts',
      cpu: 0,
      priority: 1,
      *run(cpu) {
        const { first } = cpu.wordsOf(RUNS);
        first.put(cpu.id, first.own(cpu.id) + 1);
      },
    },
  },
  *sysSchedYield(cpu) {
    for (const thread of [0, 0, 1]) yield* cpu.kernel.wakeUpKthread(cpu, thread);
    return yield* MAINLINE.sysSchedYield(cpu);
  },
});

const PROGRAM = race({ cpus: 3 }, { P0: [yields()], P1: [yields()] });

const plan = (policy: Policy, program: Program) =>
  huntingPlan(program, { policy, patches: [], strict: false, costs: 'bare-metal' });

/** Runs by CPU, of the thread on the last one and of the one on the first. */
function runs({ machine }: Stepper): { last: number[]; first: number[] } {
  const { last, first } = machine.handles[0].wordsOf(RUNS);
  const of = (column: typeof last) => [0, 1, 2].map((id) => column.peek(id as CpuId));
  return { last: of(last), first: of(first) };
}

describe('definePolicy with threads', () => {
  it('names them in order, and fills in what is left out', () => {
    expect(TWO.threads.map(({ name, cpu, priority }) => ({ name, cpu, priority }))).toEqual([
      { name: 'last', cpu: undefined, priority: 0 },
      { name: 'first', cpu: 0, priority: 1 },
    ]);
    expect(definePolicy(BASE).threads).toEqual([]);
  });

  const run = function* () {};
  it.each([
    ['a thread without work', { t: { says: 'x' } }, /threads\.t: run: expected a generator/],
    ['a thread without a sentence', { t: { run } }, /threads\.t: says: expected a sentence/],
    ['no thread at all', { t: undefined }, /threads\.t: says: expected a sentence/],
    ['half a CPU', { t: { says: 'x', cpu: 0.5, run } }, /threads\.t: cpu: expected the number/],
    ['a third priority', { t: { says: 'x', priority: 2, run } }, /threads\.t: priority: expected 0 or 1/],
    ['a name with a dash', { 'a-b': { says: 'x', run } }, /threads: "a-b": expected a name in camelCase/],
    [
      'too many',
      Object.fromEntries([...'abcde'].map((name) => [name, { says: 'x', run }])),
      /threads: 5 of them: expected at most 4/,
    ],
    ['a list', 7, /threads: expected an object/],
  ])('refuses %s', (_, threads, message) => {
    expect(() => definePolicy({ ...BASE, threads } as never)).toThrow(message);
  });
});

describe('a policy with threads', () => {
  it('leaves the tasks of the program their numbers, and their room in the tables', () => {
    const program = race({ cpus: 3, override: { tasks: 2 } }, { P0: [yields()], P1: [yields()] });
    const [with2, without] = [TWO, mainline].map((policy) => new MachineShape(plan(policy, program)));
    expect(with2.program.tasks.slice(0, 2)).toEqual(without.program.tasks);
    expect(with2.program.tasks.slice(2).map(({ name, id, cpu, mm }) => ({ name, id, cpu, mm }))).toEqual([
      { name: 'last', id: 5, cpu: 2, mm: 0 },
      { name: 'first', id: 6, cpu: 0, mm: 0 },
    ]);
    expect(with2.geometry.tasks).toBe(4);
  });

  it('has names for them in reports, and CPUs on which a task of the program is alone all the same', () => {
    const names = new Names(PROGRAM, 3, TWO.threads);
    expect([2, 3, 4, 5, 6].map((row) => names.task(row))).toEqual(['idle', 'P0', 'P1', 'last', 'first']);
    expect([names.isAlone(3, 0), names.isAlone(6, 0)]).toEqual([true, false]);
  });

  it('runs each on its CPU, at least once after the last wake, and is done when they sleep', () => {
    const stepper = new Stepper(plan(TWO, PROGRAM));
    const choices: number[] = [];
    const done = execute(stepper, ({ choices: now, steps }) => {
      choices.push(now[steps % now.length]);
      return choices[choices.length - 1];
    });
    expect(done.convicted).toBeUndefined();
    const { last, first } = runs(stepper);
    for (const [there, times] of [
      [last[2], 4],
      [first[0], 2],
    ]) {
      expect(there).toBeGreaterThan(0);
      expect(there).toBeLessThanOrEqual(times);
    }
    expect([last[0], last[1], first[1], first[2]]).toEqual([0, 0, 0, 0]);
    expect(isRepeatable(stepper, choices, done)).toBe(true);
  });

  it('one of a higher priority preempts the program, one of the same waits for its turn', () => {
    const stepper = new Stepper(plan(TWO, race({ cpus: 1 }, { P0: [yields()] })));
    const seen: string[] = [];
    stepper.watcher = {
      after: ({ machine }, _, { current }) => {
        const name = current === 0 ? 'idle' : machine.program.tasks[current - 1].name;
        if (seen[seen.length - 1] !== name) seen.push(name);
      },
    };
    expect(stepper.run(({ choices }) => choices[0], 10_000)).toBe('finished');
    // `last` was woken before, and waits behind the task that `first` preempts
    expect(seen.slice(0, 3)).toEqual(['P0', 'first', 'last']);
  });

  it('does nothing in the history: whoever is woken there begins when it is over', () => {
    const stepper = new Stepper(
      plan(TWO, { ...PROGRAM, ...race({ cpus: 3 }, { setup: by('P1', yields()), P0: [], P1: [] }) }),
    );
    expect(stepper.historyFailure).toBeUndefined();
    expect(runs(stepper)).toEqual({ last: [0, 0, 0], first: [0, 0, 0] });
    expect(stepper.run(({ choices }) => choices[0], 10_000)).toBe('finished');
    // the second wake of `last` found it awake, and was kept
    expect(runs(stepper)).toEqual({ last: [0, 0, 2], first: [1, 0, 0] });
  });

  it('can be verified: every state is reached, and one run made twice is one', () => {
    const program = race({ cpus: 2 }, { P0: [yields()], P1: [] });
    const one = definePolicy({
      ...BASE,
      threads: { waker: TWO.threads[0] },
      tables: [RUNS],
      *sysSchedYield(cpu) {
        yield* cpu.kernel.wakeUpKthread(cpu, 0);
        return 0;
      },
    });
    const result = new Verifier(plan(one, program)).run(() => false);
    expect(result).toMatchObject({ complete: true, diverged: false, found: undefined });
    const without = new Verifier(plan(mainline, program)).run(() => false);
    expect(result.states).toBeGreaterThan(without.states);
  });

  it('a thread that nobody brings cannot be woken', () => {
    const wakes = definePolicy({
      ...BASE,
      *sysSchedYield(cpu) {
        yield* cpu.kernel.wakeUpKthread(cpu, 1);
        return 0;
      },
    });
    const { convicted } = execute(new Stepper(plan(wakes, PROGRAM)), ({ choices }) => choices[0]);
    expect(convicted).toMatchObject({ harm: 'kernel-assert', says: 'there is no kernel thread 1 to be woken' });
  });
});
