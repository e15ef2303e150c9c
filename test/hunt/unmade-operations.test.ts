/** Operations that nobody does, tried where patches have left a TLB stale, and before that. */
import { describe, expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { type Choice, choiceCpu } from '#tlblab/engine/choice.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import type { CpuId } from '#tlblab/hardware/types.js';
import { Difference } from '#tlblab/hunt/directed/difference.js';
import { ToldPatches } from '#tlblab/hunt/directed/told-patches.js';
import { execute } from '#tlblab/hunt/execute.js';
import type { Rival } from '#tlblab/hunt/generate/encounter.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { MachineRun } from '#tlblab/hunt/machine-run.js';
import { Machines } from '#tlblab/hunt/machines.js';
import { ExactReplay } from '#tlblab/hunt/schedule.js';
import { UnmadeOperations } from '#tlblab/hunt/unmade/operations.js';
import type { MadeUp } from '#tlblab/hunt/unmade/run.js';
import { policyNamed } from '#tlblab/policy/index.js';
import {
  by,
  compute,
  devmigrate,
  dontneed,
  fileRead,
  fork,
  fsync,
  load,
  migrate,
  mmap,
  mprotect,
  munmap,
  race,
  reclaim,
  reclaimMemory,
  store,
} from '#tlblab/program/builder.js';
import type { Program } from '#tlblab/program/program.js';

/** One run, each CPU to its end before the next one; and the same with each of the rivals. */
function tried(program: Program, patch: keyof typeof BUGS, rivals: readonly Rival[]): MadeUp[] {
  const policy = policyNamed('mainline');
  const patches = [BUGS[patch]];
  const plan = huntingPlan(program, { policy, patches, strict: false, costs: 'bare-metal' });
  const told = new ToldPatches(policy, patches);
  const patched = new Difference(plan, told, new Machines());
  const stepper = new Stepper(patched.plan);
  const run = new MachineRun(stepper, patched);
  patched.start(run, stepper);
  const operations = new UnmadeOperations(plan, stepper, run, patched, () => rivals);
  const choices: number[] = [];
  stepper.reset();
  patched.begin();
  operations.begin();
  const { convicted } = execute(stepper, ({ choices: open }) => {
    const next = open.reduce((a, b) => (choiceCpu(b) < choiceCpu(a) ? b : a)) as Choice;
    operations.step(choices.length, next);
    choices.push(next);
    patched.step(run, next);
    return next;
  });
  expect(convicted).toBeUndefined();
  const made: MadeUp[] = [];
  told.silently(() => made.push(...operations.made(choices)));
  return made;
}

const mapped = [mmap(8, 2, 'rw', { fixed: true }), store(8), ...by('P1', store(8))];
const convictions = (made: readonly MadeUp[]) => made.flatMap(({ run }) => run.convicted?.harm ?? []);
const discards = (task: string): Rival => ({ task, ops: [dontneed(8)] });

/** What is shared is flushed when the locks are dropped, as it was then. */
const shared = {
  setup: [mmap(8, 1, 'rw', { fixed: true }), store(8), fork('C'), ...by('P1', load(8))],
  P0: [devmigrate(8)],
  P1: [],
  C: { cpu: 0, forkedBy: 'P0', ops: [] },
};
const F = { files: [{ name: 'f', pages: 1 }] };
const ofFile = mmap(8, 1, 'rw', { fixed: true, shared: true, file: 'f' });
const SWAP = { cpus: 2, override: { swapSlots: 4 } };

describe('operations that nobody does', () => {
  const moves = race(SWAP, shared);

  it('happen at once where patches have left a TLB stale', () => {
    const made = tried(moves, 't1-11', [discards('P1')]);
    expect(convictions(made)).toContain('stale-read');
    for (const { plan, choices, run } of made) {
      expect(plan.program.tasks[1].ops[0]).toEqual(dontneed(8));
      const replay = new ExactReplay(choices);
      expect(execute(new Stepper(plan), replay.choose).steps).toBe(run.steps);
      expect(replay.diverged).toBeUndefined();
    }
  });

  it('begin before the run, in the midst of a routine of the patches, and where that has left a TLB stale', () => {
    const idle = race(SWAP, { ...shared, P1: [load(8)] });
    const made = tried(idle, 't1-11', [{ task: 'P1', ops: [dontneed(8)] }]);
    const begins = made
      .filter(({ name }) => name === 'unmade-operations')
      .map(({ choices }) => choices.findIndex((c) => choiceCpu(c as Choice) === 1));
    expect(begins).toHaveLength(3);
    expect(begins[0]).toBe(0);
    expect(begins[1]).toBeGreaterThan(0);
    expect(begins[2]).toBeGreaterThan(begins[1]);
  });

  it('begin before others, and wait where they have left a TLB stale', () => {
    const races = race({ cpus: 2 }, { setup: mapped, P0: [dontneed(8), load(8)], P1: [] });
    expect(convictions(tried(races, 't1-01', [discards('P1')]))).toContain('stale-read');
  });

  it('wait for all that others do, though these make a difference of their own', () => {
    const narrows = race(SWAP, { setup: mapped, P0: [mprotect(8, 2, 'r')], P1: [compute(1), store(8)] });
    const made = tried(narrows, 't1-02-mprotect', [{ task: 'P1', ops: [reclaimMemory(8)] }]);
    expect(convictions(made)).toContain('rights-bypass');
  });

  it('give way, waiting, to who waits for a lock of their own', () => {
    const moves = race(
      { cpus: 3 },
      { setup: [ofFile, ...by('P1', load(8)), ...by('P2', load(8))], P0: [migrate('f', 0)], P1: [], P2: [load(8)] },
      F,
    );
    const made = tried(moves, 't1-10', [{ task: 'P1', ops: [mprotect(8, 1, 'none')] }]);
    expect(convictions(made)).toEqual(['frame-reuse']);
    // a few steps, until the lock is free
    const ids = made[made.length - 1].choices.map((c) => choiceCpu(c as Choice));
    const given = ids.slice(ids.indexOf(0 as CpuId)).filter((id) => id === 1).length;
    expect([given > 0, given < 6]).toEqual([true, true]);
  });

  it('are followed by a store to what they have read, which nobody makes either', () => {
    const unmaps = race(
      { cpus: 3 },
      {
        setup: [ofFile, ...by('P1', store(8))],
        P0: [munmap(8)],
        P1: [],
        P2: [reclaim('f', 0), fileRead('f', 0)],
      },
      F,
    );
    const made = tried(unmaps, 't1-06', [{ task: 'P2', ops: [fsync('f')] }]);
    expect(convictions(made)).toContain('lost-write');
    const { name, plan } = made.find(({ run }) => run.convicted) as MadeUp;
    expect([name, plan.program.tasks[1].ops]).toEqual(['unmade-stores', [expect.objectContaining({ do: 'store' })]]);
  });

  it('are given up if they are to leave a TLB stale, and do not', () => {
    const races = race({ cpus: 2 }, { setup: mapped, P0: [dontneed(8), load(8)], P1: [] });
    const made = tried(races, 't1-01', [{ task: 'P1', ops: [load(9)] }]);
    expect(convictions(made)).toEqual([]);
    expect(made.map(({ run }) => run.stopped)).toContain(true);
    expect(made.map(({ run }) => run.stopped)).toContain(false);
  });

  it('are those of another task of the address space where the one that was asked for has no time, and of no other', () => {
    const third = { cpu: 0, ops: [load(8)] };
    const busy = race(SWAP, { ...shared, P2: third });
    expect(convictions(tried(busy, 't1-11', [discards('P2')]))).toContain('stale-read');
    const kthread = { cpu: 1, kthread: true, ops: [] };
    const other = race(SWAP, { ...shared, K: kthread });
    expect(tried(other, 't1-11', [discards('K')])).toEqual([]);
  });

  it('are none where no patch is come by', () => {
    const loads = race({ cpus: 2 }, { setup: mapped, P0: [load(8)], P1: [] });
    expect(tried(loads, 't1-11', [discards('P1')])).toEqual([]);
  });
});
