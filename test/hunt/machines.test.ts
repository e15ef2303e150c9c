/** Machines that stand behind a history serve for all programs that have it, and do what new ones do. */
import { describe, expect, it } from 'vitest';
import { Stepper } from '#tlblab/engine/stepper.js';
import { execute } from '#tlblab/hunt/execute.js';
import { Draw } from '#tlblab/hunt/generate/draw.js';
import { generateCrossing, generateOpening } from '#tlblab/hunt/generate/encounters.js';
import { freshPast } from '#tlblab/hunt/generate/pasts.js';
import { huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { Machines } from '#tlblab/hunt/machines.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { policyNamed } from '#tlblab/policy/index.js';
import { dontneed, load, mmap, race, store } from '#tlblab/program/builder.js';
import type { Program } from '#tlblab/program/program.js';
import { untilConcurrent } from '#tlblab/program/same-history.js';

const planOf = (program: Program) =>
  huntingPlan(program, { policy: policyNamed('mainline'), patches: [], strict: false, costs: 'bare-metal' });
const mapped = [mmap(8, 1, 'rw', { fixed: true }), store(8)];
const loads = race({ cpus: 2 }, { setup: mapped, P0: [load(8)], P1: [] });
const discards = race({ cpus: 2 }, { setup: mapped, P0: [load(8), dontneed(8)], P1: [store(8)] });

/** What a random schedule comes to, and everything that it leaves behind. */
function outcome(stepper: Stepper, seed: number): unknown {
  const { below } = randomFrom(seed);
  stepper.reset();
  const { steps, convicted } = execute(stepper, ({ choices }) => choices[below(choices.length)]);
  return { steps, says: convicted?.says, hash: stepper.machine.mem.hash() };
}

describe('Machines', () => {
  it('are the same for programs that differ in what tasks do at the same time, and in nothing else', () => {
    const machines = new Machines();
    const first = machines.of(planOf(loads));
    // compared here: a report of how two machines differ would take for ever
    const isFirst = (program: Program): boolean => machines.of(planOf(program)) === first;
    expect([discards, loads].map(isFirst)).toEqual([true, true]);
    const others = [
      race({ cpus: 2 }, { setup: [...mapped, load(8)], P0: [load(8)], P1: [] }),
      race({ cpus: 3 }, { setup: mapped, P0: [load(8)], P1: [] }),
      race({ cpus: 2 }, { setup: mapped, P0: [load(8)], P1: [], P2: { cpu: 1, ops: [] } }),
      race({ cpus: 2 }, { setup: mapped, P0: [{ do: 'offline', cpu: 1 }], P1: [] }),
    ];
    expect(others.map(isFirst)).toEqual([false, false, false, false]);
  });

  it('are given up when others have come', () => {
    const machines = new Machines();
    const first = machines.of(planOf(loads));
    const others = [0, 1, 2, 3].map((word) =>
      race({ cpus: 2 }, { setup: [...mapped, store(8, { word })], P0: [], P1: [] }),
    );
    for (const other of others) machines.of(planOf(other));
    expect(machines.of(planOf(loads)) === first).toBe(false);
  });

  it('do what new ones do, whatever was done before', () => {
    const { bits } = randomFrom(11);
    const draw = new Draw(bits);
    let shared = 0;
    for (let i = 0; i < 40; i++) {
      const { program, opening } = generateOpening('dontneed', freshPast(draw), bits);
      const crossing = generateCrossing(opening, bits, () => 1).program;
      const machines = new Machines();
      outcome(machines.of(planOf(program)), 1);
      if (untilConcurrent(program) === untilConcurrent(crossing)) shared++;
      for (const seed of [2, 3]) {
        const again = outcome(machines.of(planOf(crossing)), seed);
        expect(again).toEqual(outcome(new Stepper(planOf(crossing)), seed));
      }
    }
    expect(shared).toBeGreaterThan(20);
  });
});
