/** When the tasks of a CPU stand between two operations, so that it may rest and the image be one to start from. */
import type { CpuId } from '../../hardware/types.ts';
import type { Cpu } from '../../kernel/cpu.ts';
import { TASK_DEAD, TASK_SLEEPING, WAKE_KSWAPD, WAKE_KTHREAD } from '../../kernel/types.ts';
import type { Path, Point } from '../../memory/point.ts';
import { AWAITS, BETWEEN, PARKED, TURN_COMES } from '../user-mode.ts';
import type { ThreadMachine } from './worker-machine.ts';
import type { TaskStack } from './worker-stack.ts';

/** The points at which a running CPU looks whether it is to rest. */
export const REST_POINTS: readonly Point[] = [BETWEEN, AWAITS, TURN_COMES];

/** Is the running task between two operations, or waiting for another task to do one? */
export function mayRest({ id, cpu, interposed }: TaskStack, { program, columns, geometry }: ThreadMachine): boolean {
  if (interposed.length > 0) return false;
  if (id < geometry.cpus) return cpu.waiting && !isWoken(cpu);
  if (cpu.kernelDepth > 0) return false;
  // it is to leave the CPU first: whoever takes that down waits for it
  if (columns.cpuhp.inactive.peek(cpu.id) === 1) return false;
  if (cpu.point === TURN_COMES) return columns.program.turn.peek(0) === program.history.length;
  return cpu.point === BETWEEN || cpu.point === AWAITS || cpu.point === PARKED;
}

/** Is what the idle task of a CPU waits for there: something to run? */
export function isWoken({ mem, word, waitSeen }: Cpu): boolean {
  return mem.load(word) !== waitSeen;
}

/** Does this task, which last ran on CPU `on` and does not run now, stand in the middle of an operation? */
export function isBusy(
  { id, cpu, interposed }: TaskStack,
  { columns, geometry, program }: ThreadMachine,
  on: CpuId,
): boolean {
  const { tasks, user } = columns;
  if (id < geometry.cpus || tasks.cpu.peek(id) !== on) return false;
  if (tasks.state.peek(id) === TASK_DEAD || user.done.peek(id) === 1) return false;
  // the engine itself suspended it between two operations
  if (interposed.length > 0) return interposed[0].kind !== 'rest';
  const { code } = program.tasks[id - geometry.cpus];
  const pc = user.pc.peek(id);
  if ([WAKE_KSWAPD, WAKE_KTHREAD].includes(tasks.sleepsFor.peek(id))) return false;
  const byCall = ['sleep', 'await'].includes(code[pc - 1]?.do);
  return !(byCall && tasks.state.peek(id) === TASK_SLEEPING && cpu.kernelDepth === 1);
}

/** Gives the CPU to its other tasks, if any is runnable. */
export function* letOthersRun(cpu: Cpu): Path<void> {
  if (!(yield* cpu.kernel.yieldIfOthersRunnable(cpu))) yield* cpu.kernel.pollEnd(cpu);
}
