/** Which programs differ in nothing but what their tasks do when the history is over. */
import { perCpuThreads } from './hotplug.ts';
import type { Op, Program, TaskProgram } from './program.ts';

/** Two programs are the same but for the operations of their concurrent parts if this is the same, and perhaps only then. */
export function untilConcurrent(program: Program): string {
  const { machine, files, history, rounds, tasks } = program;
  return JSON.stringify([machine, files, history, rounds, tasks.map(isWhat), perCpuThreads(program).length]);
}

/** What a task is, whatever it does. A daemon is what it does. */
function isWhat({ ops, ...task }: TaskProgram): [Omit<TaskProgram, 'ops'>, Op[]] {
  return [task, ops.filter((op) => op.do === 'kswapd')];
}
