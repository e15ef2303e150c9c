/** What operations that have returned leave behind in the ghost words of their tasks: nothing that tells orders apart. */
import { describe, expect, it } from 'vitest';
import { Stepper } from '#tlblab/engine/stepper.js';
import { execute } from '#tlblab/hunt/execute.js';
import { allTraits, generateProgram } from '#tlblab/hunt/generate/generator.js';
import { HUNTING_COSTS, huntingPlan } from '#tlblab/hunt/hunting-plan.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { OP_DEPTH, ORACLE_TABLES } from '#tlblab/oracle/tables.js';
import { policyNamed } from '#tlblab/policy/index.js';

/** Identities outlive their operations, and so do kinds for those who keep one; epochs are of what was held last. */
const OUTLIVES = ['depth', 'count', 'kind', 'heldEpoch'];

describe('at rest', () => {
  it('no task has a word of an operation that it has done, and no kind without an identity', () => {
    const left: string[] = [];
    let finished = 0;
    for (let seed = 0; seed < 60; seed++) {
      const random = randomFrom(seed);
      const program = generateProgram(() => random.bits(), allTraits());
      const settings = { policy: policyNamed('mainline'), patches: [], strict: false, costs: HUNTING_COSTS };
      const stepper = new Stepper(huntingPlan(program, settings));
      const run = execute(stepper, ({ choices }) => choices[random.below(choices.length)]);
      const { layout } = stepper.machine.shape;
      const ghosts = layout.columns(ORACLE_TABLES.task, stepper.machine.mem);
      if (run.convicted) continue;
      finished++;
      for (const { id } of stepper.machine.program.tasks) {
        for (let depth = ghosts.depth.peek(id); depth < OP_DEPTH; depth++) {
          const fields = Object.entries(ghosts).filter(([name]) => !OUTLIVES.includes(name));
          for (const [name, field] of fields) {
            if (field.peek(id, depth) !== 0) left.push(`seed ${seed}: task ${id}, depth ${depth}: ${name}`);
          }
          if (ghosts.count.peek(id, depth) === 0 && ghosts.kind.peek(id, depth) !== 0) left.push(`seed ${seed}: kind`);
        }
      }
    }
    expect(left).toEqual([]);
    expect(finished).toBeGreaterThan(40);
  });
});
