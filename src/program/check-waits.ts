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
  const wakes = new Map<string, number>();
  const add = (task: string, by: number): number => {
    const left = (wakes.get(task) ?? 0) + by;
    wakes.set(task, left);
    return left;
  };
  for (const { op } of ops.slice(program.history.length)) if (op.do === 'wake') add(op.task, 1);
  const later = new Map(wakes);
  for (const { op, path, task } of ops) {
    const inHistory = path.startsWith('history');
    if (op.do === 'wake' && inHistory) add(op.task, 1);
    if (op.do !== 'sleep') continue;
    const left = add(task.name, -1);
    const free = inHistory ? left - (later.get(task.name) ?? 0) : left;
    if (free >= 0) continue;
    const when = inHistory ? ' in time' : '';
    fail(path, `"sleep" of ${task.name}, which nobody wakes${when}`, `a "wake" of ${task.name} for each sleep`);
  }
}
