/**
 * The grade of a finding. `causal`: the program itself can know that the access comes after the operation, because it still
 * convicts when the one posts a flag that the other awaits. `real-time`: only a clock outside the program says so. `weak`: a
 * private mapping of a file shows what the file no longer holds, and POSIX leaves open whether it may.
 */
import type { Program } from '../program/program.ts';
import { hunt, type RawFinding } from './hunt.ts';

/** An operation of a task, by its place in the program; `index` counts in the history if `inHistory`. */
export interface OpPlace {
  readonly task: number;
  readonly index: number;
  readonly inHistory: boolean;
}

export type Grade = 'causal' | 'real-time' | 'weak';

/** Looks for a convicting schedule of the program in which the flag orders `owing` before `losing`. */
export function gradeOf(found: RawFinding, owing: OpPlace, losing: OpPlace, schedules: number, seed: number): Grade {
  if (owing.inHistory || owing.task === losing.task) return 'causal';
  if (losing.inHistory) return 'real-time';
  const { plan } = found;
  const result = hunt({
    policy: plan.policy,
    patches: plan.patches,
    source: ordered(plan.program, owing, losing),
    seed,
    schedules,
    strict: plan.oracle?.strict ?? false,
    costs: plan.costs,
    outOfTime: () => false,
  });
  return result.found?.conviction.harm === found.conviction.harm ? 'causal' : 'real-time';
}

function ordered(program: Program, owing: OpPlace, losing: OpPlace): Program {
  const tasks = program.tasks.map((task, i) => {
    const ops = [...task.ops];
    if (i === owing.task) ops.splice(owing.index + 1, 0, { do: 'post', flag: 'ordered' });
    if (i === losing.task) ops.splice(losing.index, 0, { do: 'await', flag: 'ordered' });
    return { ...task, ops };
  });
  return { ...program, tasks };
}
