/** The events that are enabled: what can happen next, in the order of CPUs. Looks of the engine, from which no path learns. */
import { apicHasPending, irqsOff } from '../hardware/apic.ts';
import { NOWHERE } from '../memory/memory.ts';
import type { TsoMemory } from '../memory/tso-memory.ts';
import { type Choice, choice, DELIVER, DRAIN, PICK, RUN } from './choice.ts';
import type { Machine } from './machine.ts';
import type { TaskStack } from './task-stack.ts';
import { BETWEEN } from './user-mode.ts';

/** Lists them in `into`. @param running by CPU, the tasks that run @param buffers where stores wait before they are visible */
export function listEnabled(
  machine: Machine,
  running: readonly TaskStack[],
  buffers: TsoMemory | undefined,
  into: Choice[],
): void {
  const { words } = machine.mem;
  let n = 0;
  for (let id = 0; id < running.length; id++) {
    const { cpu } = running[id];
    const { word, waitSeen } = cpu;
    // a CPU waits for what it sees, its own stores before they drain among it
    const over = word !== NOWHERE && (buffers === undefined ? words[word] : buffers.seenBy(id, word)) !== waitSeen;
    if (!cpu.waiting || over) n = listWaysOn(machine, running[id], into, n);
    if (apicHasPending(cpu) && !irqsOff(cpu)) into[n++] = choice(DELIVER, id);
    if (buffers !== undefined && buffers.pending(id) > 0) into[n++] = choice(DRAIN, id);
  }
  // popped, not cut by `length`: that setter leaves compiled code
  while (into.length > n) into.pop();
}

/** How the path of a task that may run goes on: in one way, or before an operation that is left to choice with any. Returns the new end. */
function listWaysOn({ shape, user }: Machine, { id, cpu }: TaskStack, into: Choice[], n: number): number {
  let end = n;
  if (shape.plan.menu !== undefined && cpu.point === BETWEEN) {
    const { code, menu, more } = shape.program.tasks[id - shape.geometry.cpus];
    // not by `peek`, which is a reading
    const pc = cpu.mem.words[user.pc.at(id)];
    if (pc >= code.length && pc < code.length + more) {
      for (let i = 0; i < menu.length; i++) into[end++] = choice(PICK, cpu.id, i);
      return end;
    }
  }
  into[end++] = choice(RUN, cpu.id);
  return end;
}
