/**
 * What a program says about waiting: for what a task waits, some operation does. Whether it does so in time is the schedule's
 * affair.
 */
import { allOps, type Fail } from './check-walk.ts';
import type { Program } from './program.ts';

/** Somebody posts each flag that is awaited, and wakes each task as often as it sleeps; in the history, before that. */
export function checkWaits(program: Program, fail: Fail): void {
  const ops = allOps(program);
  const posted = [...new Set(ops.flatMap(({ op }) => (op.do === 'post' ? [op.flag] : [])))];
  for (const { op, path } of ops) {
    if (op.do !== 'await' || posted.includes(op.flag)) continue;
    const expected = posted.length > 0 ? posted.join(', ') : 'a flag that a task posts';
    fail(`${path}.flag`, `flag "${op.flag}" is never posted`, expected);
  }
  /** Wakes of each task that no sleep has used. */
  const kept = new Map<string, number>();
  const add = (task: string, by: number): number => {
    kept.set(task, (kept.get(task) ?? 0) + by);
    return kept.get(task)!;
  };
  const sleeps = ({ path, task }: (typeof ops)[number], when: string): void => {
    if (add(task.name, -1) >= 0) return;
    fail(path, `"sleep" of ${task.name}, which nobody wakes${when}`, `a "wake" of ${task.name} for each sleep`);
  };
  const history = ops.slice(0, program.history.length);
  const concurrent = ops.slice(program.history.length);
  for (const done of history) {
    if (done.op.do === 'wake') add(done.op.task, 1);
    if (done.op.do === 'sleep') sleeps(done, ' in time');
  }
  for (const { op } of concurrent) if (op.do === 'wake') add(op.task, 1);
  for (const done of concurrent) if (done.op.do === 'sleep') sleeps(done, '');
}
