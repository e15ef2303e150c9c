/** What patches make different in a program, and where schedules look first then. */
import { describe, expect, it } from 'vitest';
import { BUGS } from '#tlblab/bugs/index.js';
import { definePatch, type Patch } from '#tlblab/bugs/patch.js';
import { type Choice, choiceCpu } from '#tlblab/engine/choice.js';
import { Stepper } from '#tlblab/engine/stepper.js';
import { Difference } from '#tlblab/hunt/directed/difference.js';
import { ToldPatches } from '#tlblab/hunt/directed/told-patches.js';
import { execute } from '#tlblab/hunt/execute.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { MachineRun } from '#tlblab/hunt/machine-run.js';
import { Machines } from '#tlblab/hunt/machines.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { RandomWalk } from '#tlblab/hunt/strategies/random-walk.js';
import { MAINLINE } from '#tlblab/kernel/kernel.js';
import { mainline } from '#tlblab/policy/mainline.js';
import { definePolicy, type Policy } from '#tlblab/policy/policy.js';
import {
  by,
  dontneed,
  exit,
  fileRead,
  fork,
  load,
  mmap,
  munmap,
  type RaceSpec,
  race,
  reclaimMemory,
  store,
} from '#tlblab/program/builder.js';
import type { Op, Program } from '#tlblab/program/program.js';

const NO_ACTS = { actions: 0, ticks: 0 };

/** Runs the program a few times, with the patch; also whether some operation came to where runs part. */
function compared(
  program: Program,
  patch: Patch,
  policy: Policy = mainline,
): { difference: Difference; came: boolean } {
  const plan = huntingPlan(program, { policy, patches: [patch], strict: false, costs: 'bare-metal' });
  const difference = new Difference(plan, new ToldPatches(policy, [patch]), new Machines());
  const stepper = new Stepper(difference.plan);
  const run = new MachineRun(stepper, difference);
  difference.start(run, stepper);
  const strategy = new RandomWalk(randomFrom(3), NO_ACTS, 8);
  let came = false;
  for (let i = 0; i < 6; i++) {
    strategy.begin();
    stepper.reset();
    difference.begin();
    execute(stepper, () => {
      came ||= run.choices.some((c) => run.hasReached(choiceCpu(c)));
      const c = strategy.choose(run) as Choice;
      difference.step(run, c);
      return c;
    });
  }
  return { difference, came };
}

const mapped = [mmap(8, 1, 'rw', { fixed: true }), store(8), ...by('P1', load(8))];
const unmaps = race({ cpus: 2 }, { setup: mapped, P0: [dontneed(8)], P1: [load(8)] });
const loads = race({ cpus: 2 }, { setup: mapped, P0: [load(8)], P1: [load(8)] });

const alsoWhileStale = (targets: string[]): string[] => targets.flatMap((t) => [t, `${t}, a TLB being stale`]);

describe('Difference', () => {
  it('finds where the runs with and without a patch part, and that a flush was due there', () => {
    const { difference, came } = compared(unmaps, BUGS['t1-14-none']);
    expect(difference).toMatchObject({ isKnown: true, isStale: true });
    expect([...difference.begun]).toEqual(alsoWhileStale(['flushTlbMmRange in madvise dontneed']));
    expect(came).toBe(true);
  });

  it('finds none where what the patch changed has no part', () => {
    const { difference, came } = compared(loads, BUGS['t1-14-none']);
    expect(difference).toMatchObject({ isKnown: false, isStale: false });
    expect(difference.begun.size).toBe(0);
    expect(came).toBe(false);
  });

  it('finds none where a patch changes nothing, though it is come by', () => {
    const same = definePatch({
      name: 'same',
      says: 'does what it did',
      source: 'this test',
      *flushTlbMmRange(cpu, ...rest) {
        return yield* MAINLINE.flushTlbMmRange(cpu, ...rest);
      },
    });
    const { difference } = compared(unmaps, same);
    expect(difference.isKnown).toBe(false);
    expect([...difference.begun]).toEqual(alsoWhileStale(['flushTlbMmRange in madvise dontneed']));
  });

  it('tells in which kinds of operations routines were begun, and which two in one program', () => {
    const two = definePatch({
      name: 'two',
      says: 'does what it did, twice',
      source: 'this test',
      *flushTlbMmRange(cpu, ...rest) {
        return yield* MAINLINE.flushTlbMmRange(cpu, ...rest);
      },
      *zapPteRange(cpu, ...rest) {
        return yield* MAINLINE.zapPteRange(cpu, ...rest);
      },
    });
    const frees = race({ cpus: 2 }, { setup: mapped, P0: [dontneed(8), munmap(8)], P1: [load(8)] });
    const { difference } = compared(frees, two);
    const [first, second] = ['flushTlbMmRange', 'zapPteRange'];
    const kinds = ['madvise dontneed', 'munmap'];
    const inKinds = (name: string): string[] => kinds.map((kind) => `${name} in ${kind}`);
    // nothing is stale when a page is about to be unmapped, but all the more when it is about to be flushed
    const expected = [...alsoWhileStale(inKinds(first)), ...inKinds(second), `${first} and ${second}`];
    expect([...difference.begun].sort()).toEqual(expected.sort());
  });

  it('tells where a routine answers otherwise, not where it only takes another way to its answer', () => {
    const answersOf = (...past: RaceSpec['setup'] & {}): string[] => {
      const setup = [mmap(8, 1, 'rw', { fixed: true }), store(8), ...past];
      const C = { cpu: 0, forkedBy: 'P0', ops: [] };
      const program = race({ cpus: 2, override: { swapSlots: 4 } }, { setup, P0: [store(8)], P1: [load(9)], C });
      return [...compared(program, BUGS['t1-07']).difference.begun];
    };
    expect(answersOf(fork('C'), ...by('C', exit()))).toEqual(['wpCanReuseAnonFolio in store']);
    expect(answersOf(reclaimMemory(8), load(8), fork('C'), ...by('C', exit()))).toContain(
      'wpCanReuseAnonFolio answers otherwise in store',
    );
  });

  it('tells whether another operation comes by a frame to which an old entry leads', () => {
    const setup = [mmap(8, 1, 'r', { fixed: true, file: 'f' }), load(8), ...by('P1', load(8))];
    const metBy = (op: Op): boolean => {
      const program = race(
        { cpus: 3 },
        { setup, P0: [dontneed(8)], P1: [load(8)], P2: [op] },
        { files: [{ name: 'f', pages: 1 }] },
      );
      const { difference } = compared(program, BUGS['t1-14']);
      expect([difference.isKnown, difference.isStale]).toEqual([true, true]);
      return difference.hasMet;
    };
    expect(metBy(fileRead('f', 0))).toBe(true);
    expect(metBy(mmap(20, 1, 'r', { fixed: true, file: 'f' }))).toBe(false);
  });

  it('takes an assertion of the kernel without the patch for a difference, not for a verdict', () => {
    const asserts = definePolicy({
      name: 'asserts',
      says: 'does not get as far as a flush',
      base: 'mainline 6.18',
      *flushTlbMmRange(cpu) {
        cpu.bug('said by the other kernel');
      },
    });
    const survives = definePatch({
      name: 'survives',
      says: 'does not check',
      source: 'this test',
      *flushTlbMmRange(cpu, ...rest) {
        return yield* MAINLINE.flushTlbMmRange(cpu, ...rest);
      },
    });
    const { difference } = compared(unmaps, survives, asserts);
    expect(difference.isKnown).toBe(true);
  });
});
