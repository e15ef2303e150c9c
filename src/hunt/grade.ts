/**
 * The grade of a finding. `causal`: the program itself can know that the access comes after the operation, because it still
 * convicts when the one posts a flag that the other awaits. `real-time`: only a clock outside the program says so. `weak`: a
 * private mapping of a file shows what the file no longer holds, and POSIX leaves open whether it may.
 */
import { Stepper } from '../engine/stepper.ts';
import type { Op, Program } from '../program/program.ts';
import { hunt, type RawFinding } from './hunt.ts';
import { follow } from './schedule.ts';

/** An operation of a task, by its place in the program; `index` counts in the history if `inHistory`. */
export interface OpPlace {
  readonly task: number;
  readonly index: number;
  readonly inHistory: boolean;
}

export type Grade = 'causal' | 'real-time' | 'weak';

/**
 * Looks for a convicting schedule of the program in which flags order all of `before` before `losing`: the operation that owed the
 * flush, and the one that stored what the access does not see. The schedule of the finding is tried first.
 */
export function gradeOf(
  found: RawFinding,
  before: readonly OpPlace[],
  losing: OpPlace,
  schedules: number,
  seed: number,
): Grade {
  const unordered = before.filter((op) => !op.inHistory && op.task !== losing.task);
  if (unordered.length === 0) return 'causal';
  if (losing.inHistory) return 'real-time';
  const { plan, choices, conviction } = found;
  const source = ordered(plan.program, unordered, losing);
  const guided = follow(new Stepper({ ...plan, program: source }), choices);
  if (guided.conviction?.harm === conviction.harm) return 'causal';
  const result = hunt({
    policy: plan.policy,
    patches: plan.patches,
    source,
    seed,
    schedules,
    strict: plan.oracle?.strict ?? false,
    costs: plan.costs,
    outOfTime: () => false,
  });
  return result.found?.conviction.harm === conviction.harm ? 'causal' : 'real-time';
}

function ordered(program: Program, before: readonly OpPlace[], losing: OpPlace): Program {
  const flagOf = (op: OpPlace): string => `after-${op.task}-${op.index}`;
  const tasks = program.tasks.map((task, i) => ({
    ...task,
    ops: task.ops.flatMap((op, k): Op[] => {
      const posts = before.filter((b) => b.task === i && b.index === k);
      const awaits = i === losing.task && k === losing.index ? before : [];
      return [
        ...awaits.map((b): Op => ({ do: 'await', flag: flagOf(b) })),
        op,
        ...posts.map((b): Op => ({ do: 'post', flag: flagOf(b) })),
      ];
    }),
  }));
  return { ...program, tasks };
}
