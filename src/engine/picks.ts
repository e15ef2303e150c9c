/** Operations that are left to choice: where a task stands before one, each operation is a choice of its own. */
import { type Choice, choice, PICK, RUN } from './choice.ts';
import type { Machine } from './machine.ts';
import type { TaskStack } from './task-stack.ts';
import { BETWEEN } from './user-mode.ts';

/** Writes to `into`, from `n` on, how the path of a task that may run goes on; returns the new end. */
export function waysOn({ shape, user }: Machine, { id, cpu }: TaskStack, into: Choice[], n: number): number {
  let end = n;
  if (shape.plan.menu !== undefined && cpu.point === BETWEEN) {
    const { code, menu, more } = shape.program.tasks[id - shape.geometry.cpus];
    // not by `peek`: this is the engine's look, no path learns from it
    const pc = cpu.mem.words[user.pc.at(id)];
    if (pc >= code.length && pc < code.length + more) {
      for (let i = 0; i < menu.length; i++) into[end++] = choice(PICK, cpu.id, i);
      return end;
    }
  }
  into[end++] = choice(RUN, cpu.id);
  return end;
}
