/** Allocations that nobody makes, tried where a frame is free and user code still comes to it. */
import { describe, expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { type Choice, choiceCpu } from '#tlblab/engine/choice.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { execute } from '#tlblab/hunt/execute.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { MachineRun } from '#tlblab/hunt/machine-run.js';
import { UnmadeAllocations } from '#tlblab/hunt/unmade/allocations.js';
import type { FinishedRun } from '#tlblab/hunt/unmade/run.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { by, load, migrateMemory, mmap, mprotect, munmap, race, sleep, store, wake } from '#tlblab/program/builder.js';
import type { Program } from '#tlblab/program/program.js';

/** One run, each CPU to its end before the next one; and the same with the allocations that it leaves out. */
function tried(program: Program, policy: string, patches: (keyof typeof BUGS)[], most = 4): FinishedRun[] {
  const asked = { policy: policyNamed(policy), patches: patches.map((name) => BUGS[name]), strict: false };
  const plan = huntingPlan(program, { ...asked, costs: 'bare-metal' });
  const stepper = new Stepper(plan);
  const allocations = new UnmadeAllocations(plan, stepper, new MachineRun(stepper), most);
  const choices: number[] = [];
  allocations.begin();
  stepper.reset();
  const run = execute(stepper, ({ choices: open }) => {
    const next = open.reduce((a, b) => (choiceCpu(b) < choiceCpu(a) ? b : a)) as Choice;
    allocations.step(choices.length, next);
    choices.push(next);
    return next;
  });
  expect(run.convicted).toBeUndefined();
  allocations.end(choices.length);
  return [...allocations.made(choices)];
}

const moved = (page: number) => migrateMemory(page, 1, { sync: true });
const cached = [
  mmap(8, 2, 'rw', { fixed: true }),
  store(8),
  store(9),
  mprotect(8, 2, 'r'),
  ...by('P1', load(8), load(9)),
];
/** What is moved is what it was, and nobody may store to it: as long as nobody gets the old frames, whoever reads them is right. */
const moves = race({ cpus: 2, override: { swapSlots: 4 } }, { setup: cached, P0: [moved(8)], P1: [] });

describe('unmade allocations', () => {
  it('convict where a frame is freed under the user of another CPU, and nobody takes it', () => {
    const made = tried(moves, 'mainline', ['t1-14']);
    expect(made.length).toBeGreaterThan(0);
    expect(made.map(({ run }) => run.convicted?.harm)).toContain('frame-reuse');
    // the freer's list gives out what came last: it is the freer who allocates
    for (const { plan } of made) {
      expect(plan.program.tasks.find(({ name }) => name === 'P0')?.ops.map((op) => op.do)).toContain('kalloc');
    }
  });

  it('are as many as may be at most', () => {
    const P2 = { cpu: 2, ops: [moved(9)] };
    // each CPU has a list of free pages of its own
    const two = race({ cpus: 3, override: { swapSlots: 4 } }, { setup: cached, P0: [moved(8)], P1: [], P2 });
    for (const most of [0, 1, 2, 4]) expect(tried(two, 'mainline', ['t1-14'], most)).toHaveLength(Math.min(most, 2));
  });

  it('are none where everybody has flushed', () => {
    expect(tried(moves, 'mainline', [])).toEqual([]);
  });

  it('are none where only an idle CPU has the page cached', () => {
    const sleeper = race({ cpus: 2 }, { setup: cached, P0: [munmap(8, 2), wake('P1')], P1: [sleep()] });
    expect(tried(sleeper, 'mainline', [])).toEqual([]);
  });
});
