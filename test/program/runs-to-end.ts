/** Does a program end? A run in which every operation is done at once except those that wait for another task. */
import type { Op, Program } from '#tlblab/program/program.js';

/**
 * Runs a program under the schedule that `choose` makes. Returns the tasks that wait for ever, with what they wait for.
 * Wakes do not add up: two before a sleep are one.
 */
export function stuckTasks(program: Program, choose: (runnable: number) => number): string[] {
  const flags = new Set<string>();
  const kept = new Set<string>();
  const forked = new Set(program.tasks.filter((t) => t.forkedBy === undefined).map((t) => t.name));
  const perform = (task: string, op: Op): boolean => {
    if (op.do === 'post') flags.add(op.flag);
    else if (op.do === 'wake') kept.add(op.task);
    else if (op.do === 'fork') forked.add(op.task);
    else if (op.do === 'await') return flags.has(op.flag);
    else if (op.do === 'sleep') return kept.delete(task);
    return true;
  };
  for (const { task, op } of program.history) {
    if (!forked.has(task) || !perform(task, op)) return [`${task} in the history: ${JSON.stringify(op)}`];
  }
  const at = new Map(program.tasks.map((t) => [t.name, 0]));
  let waiting = program.tasks;
  for (;;) {
    const tried = new Set<string>();
    let moved = false;
    while (!moved) {
      const open = waiting.filter((t) => at.get(t.name)! < t.ops.length && !tried.has(t.name));
      if (open.length === 0) break;
      const task = open[choose(open.length)];
      const op = task.ops[at.get(task.name)!];
      moved = forked.has(task.name) && perform(task.name, op);
      if (moved) at.set(task.name, op.do === 'exit' ? task.ops.length : at.get(task.name)! + 1);
      tried.add(task.name);
    }
    waiting = waiting.filter((t) => at.get(t.name)! < t.ops.length);
    if (waiting.length === 0) return [];
    if (!moved) return waiting.map((t) => `${t.name}: ${JSON.stringify(t.ops[at.get(t.name)!])}`);
  }
}
