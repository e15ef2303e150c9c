/**
 * The grade of a finding. `causal`: the program itself can know that the access comes after the operation, because it still
 * convicts when the one posts a flag that the other awaits. `real-time`: only a clock outside the program says so. `weak`: a
 * private mapping of a file shows what the file no longer holds, and POSIX leaves open whether it may.
 */
import { Stepper } from '../engine/stepper.ts';
import type { Op, Program } from '../program/program.ts';
import { type HuntOptions, hunt, type RawFinding } from './hunt.ts';
import { follow } from './schedule.ts';

/** An operation of a task, by its place in the program; `index` counts in the history if `inHistory`. */
export interface OpPlace {
  readonly task: number;
  readonly index: number;
  readonly inHistory: boolean;
}

export type Grade = 'causal' | 'real-time' | 'weak';

/** An operation, and one that comes after it has returned. */
export type InOrder = readonly [before: OpPlace, after: OpPlace];

/**
 * Looks for a convicting schedule of the program in which flags order all these pairs: of the operation that owed the flush and
 * the losing access, of the one that stored what the access does not see and the access. The schedule of the finding is tried first.
 */
export function gradeOf(
  found: RawFinding,
  pairs: readonly InOrder[],
  { schedules, seed, outOfTime }: Pick<HuntOptions, 'schedules' | 'seed' | 'outOfTime'>,
): Grade {
  const unordered = pairs.filter(([before, after]) => !before.inHistory && before.task !== after.task);
  if (unordered.length === 0) return 'causal';
  if (unordered.some(([, after]) => after.inHistory)) return 'real-time';
  const { plan, choices, conviction } = found;
  const source = ordered(plan.program, unordered);
  const guided = follow(new Stepper({ ...plan, program: source }), choices);
  if (guided.conviction?.harm === conviction.harm) return 'causal';
  const result = hunt({
    policy: plan.policy,
    patches: plan.patches,
    source,
    seed,
    schedules,
    strict: plan.oracle?.strict ?? false,
    memory: plan.memory,
    costs: plan.costs,
    outOfTime,
  });
  return result.found?.conviction.harm === conviction.harm ? 'causal' : 'real-time';
}

function ordered(program: Program, pairs: readonly InOrder[]): Program {
  const flagOf = ([before, after]: InOrder): string =>
    `after-${before.task}-${before.index}-${after.task}-${after.index}`;
  const tasks = program.tasks.map((task, i) => ({
    ...task,
    ops: task.ops.flatMap((op, k): Op[] => {
      const isHere = (place: OpPlace): boolean => place.task === i && place.index === k;
      const awaits = pairs.filter(([, after]) => isHere(after));
      const posts = pairs.filter(([before]) => isHere(before));
      return [
        ...awaits.map((pair): Op => ({ do: 'await', flag: flagOf(pair) })),
        op,
        ...posts.map((pair): Op => ({ do: 'post', flag: flagOf(pair) })),
      ];
    }),
  }));
  return { ...program, tasks };
}
