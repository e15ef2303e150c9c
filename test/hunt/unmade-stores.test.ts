/** Stores that nobody makes, tried at the moments at which they matter. */
import { describe, expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { type Choice, choiceCpu } from '#tlblab/engine/choice.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { type Execution, execute } from '#tlblab/hunt/execute.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { MachineRun } from '#tlblab/hunt/machine-run.js';
import { ExactReplay } from '#tlblab/hunt/schedule.js';
import type { FinishedRun } from '#tlblab/hunt/unmade/run.js';
import { UnmadeStores } from '#tlblab/hunt/unmade/stores.js';
import { policyNamed } from '#tlblab/policy/index.js';
import {
  by,
  dontneed,
  load,
  migrateMemory,
  mmap,
  race,
  reclaimMemory,
  store,
  uffdregister,
  uffdwp,
} from '#tlblab/program/builder.js';
import type { Op, Program } from '#tlblab/program/program.js';

const MOST = 20;
/** Steps of the first CPU that suffice for its operation. */
const LONGEST = 100;
const free: Op = { do: 'madvise', page: 8, advice: 'free' };

/** Each CPU moves to its end before the next one does; the first one, behind so many steps, behind the others. */
function inTurn({ steps, choices }: Stepper, first = Infinity): Choice {
  return (steps < first ? undefined : choices.find((c) => choiceCpu(c) !== 0)) ?? choices[0];
}

/** One run, and the same with the stores that it leaves out. @param first steps of the first CPU until the others have their turn */
function tried(
  program: Program,
  patches: (keyof typeof BUGS)[],
  { most = MOST, first }: { most?: number; first?: number } = {},
): { run: Execution; made: FinishedRun[] } {
  const asked = { policy: policyNamed('mainline'), patches: patches.map((name) => BUGS[name]), strict: false };
  const plan = huntingPlan(program, { ...asked, costs: 'bare-metal' });
  const stepper = new Stepper(plan);
  const stores = new UnmadeStores(plan, stepper, new MachineRun(stepper), { any: most, beside: most, late: most });
  const choices: number[] = [];
  stores.begin();
  stepper.reset();
  const run = execute(stepper, (s) => {
    const next = inTurn(s, first);
    stores.step(choices.length, next);
    choices.push(next);
    return next;
  });
  stores.end(choices.length);
  return { run, made: [...stores.made(choices)] };
}

const mapped = [mmap(8, 1, 'rw', { fixed: true }), store(8), ...by('P1', store(8))];
const discards = race({ cpus: 2 }, { setup: mapped, P0: [dontneed(8)], P1: [] });
const loses = race(
  { cpus: 2, override: { swapSlots: 4 } },
  {
    setup: [mmap(8, 1, 'rw', { fixed: true }), store(8), free],
    P0: [migrateMemory(8, 1, { sync: true }), reclaimMemory(8)],
    P1: [],
  },
);

/** A page of the swap cache, write-protected by P0 and stored to by P1; P2 could do so without a fault until it hears of that. */
const copies = race(
  { cpus: 3, override: { swapSlots: 4 } },
  {
    setup: [
      ...[mmap(8, 2, 'rw', { fixed: true }), store(8), reclaimMemory(8), load(8), uffdregister(8, 1)],
      // the flush that reclaim owes
      dontneed(9),
      ...by('P2', store(8, { word: 1 })),
    ],
    P0: [uffdwp(8, 1)],
    P1: [store(8)],
    P2: [],
  },
);

/** Of the runs that are convicted of a lost write, the first ones: the first CPU is behind the others from some step on. */
function lostBy(program: Program, patches: (keyof typeof BUGS)[]): FinishedRun[] {
  for (let first = 0; first < LONGEST; first++) {
    const { run, made } = tried(program, patches, { first });
    expect(run.convicted).toBeUndefined();
    const lost = made.filter(({ run: { convicted } }) => convicted?.harm === 'lost-write');
    if (lost.length > 0) return lost;
  }
  return [];
}

describe('stores that nobody makes', () => {
  it('join the program of a task that is in user mode when an entry goes, and the schedule is valid with them', () => {
    const { run, made } = tried(discards, []);
    expect(run.convicted).toBeUndefined();
    // before and behind the change of the entry, and before the flush
    expect(made.length).toBe(3);
    for (const { plan, choices, run: longer } of made) {
      expect(plan.program.tasks[1].ops).toEqual([{ do: 'store', page: 8, word: 3 }]);
      expect(longer.steps).toBeGreaterThan(run.steps);
      const replay = new ExactReplay(choices);
      expect(execute(new Stepper(plan), replay.choose).steps).toBe(longer.steps);
      expect(replay.diverged).toBeUndefined();
    }
  });

  it('stand before an operation of which no step was taken', () => {
    for (const next of [load(8), dontneed(8)]) {
      const { made } = tried(race({ cpus: 2 }, { setup: mapped, P0: [dontneed(8)], P1: [next] }), []);
      const firsts = made.filter(({ plan }) => plan.program.tasks[1].ops[0].do === 'store');
      expect(firsts.length).toBeGreaterThan(0);
      for (const { plan } of firsts) expect(plan.program.tasks[1].ops[1].do).toBe(next.do);
    }
  });

  it('convict of a write that is lost, which no probe could', () => {
    const { run, made } = tried(loses, ['t2-12']);
    expect(run.convicted).toBeUndefined();
    expect(made.map(({ run: { convicted } }) => convicted?.harm)).toContain('lost-write');
  });

  it('come behind the copy of a page that they can still be made to, and to a word that nobody else stores to', () => {
    const lost = lostBy(copies, ['t1-07']);
    expect(lost.map(({ plan }) => plan.program.tasks[2].ops)).toContainEqual([{ do: 'store', page: 8, word: 3 }]);
  });

  it('make the copy, too, where nobody does, and then come behind it', () => {
    const tasks = copies.tasks.map((task) => (task.name === 'P1' ? { ...task, ops: [] } : task));
    const lost = lostBy({ ...copies, tasks }, ['t1-07']);
    expect(lost.map(({ plan }) => plan.program.tasks.slice(1).map(({ ops }) => ops.length))).toContainEqual([1, 1]);
  });

  it('do not convict mainline', () => {
    const made = [discards, loses].flatMap((program) => tried(program, []).made);
    for (let first = 0; first < LONGEST; first += 8) made.push(...tried(copies, [], { first }).made);
    for (const { run } of made) expect(run.convicted).toBeUndefined();
  });

  it('come from a CPU whose TLB they have filled before, each to a word of its own', () => {
    // P2 has only read the page: whoever stores to it before it is protected can do so until it hears of that
    const read = copies.history.map((h) => (h.task === 'P2' ? { ...h, op: load(8) } : h));
    const idle = copies.tasks.map((task) => (task.name === 'P0' ? task : { ...task, ops: [] }));
    const lost = lostBy({ ...copies, history: read, tasks: idle }, ['t1-07']);
    const words = lost.map(({ plan }) =>
      plan.program.tasks.flatMap(({ ops }) => ops.flatMap((op) => (op.do === 'store' ? [op.word ?? 0] : []))),
    );
    expect(words.map((all) => all.length)).toContain(3);
    for (const all of words) expect(new Set(all).size).toBe(all.length);
  });

  it('wait for their moment where the program of their task would be over', () => {
    const late = race({ cpus: 2 }, { setup: mapped, P0: [dontneed(8)], P1: [load(8)] });
    const { made } = tried(late, []);
    const behind = made.filter(({ plan }) => plan.program.tasks[1].ops.at(-1)?.do === 'store');
    expect(behind.length).toBeGreaterThan(0);
  });

  it('are no more than asked', () => {
    expect(tried(discards, [], { most: 1 }).made.length).toBe(1);
    expect(tried(discards, [], { most: 0 }).made.length).toBe(0);
  });
});
