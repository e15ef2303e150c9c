/**
 * Kernel threads that a policy brings, for what it does in the background (Linux: kthreads, workqueues). Each sleeps until
 * somebody wakes it, `yield* cpu.kernel.wakeUpKthread(cpu, n)` with its number in the order of definition, does its work, and
 * sleeps again. Wakes do not add up, but one that comes while it is awake makes it work once more. It belongs to the machine and
 * not to the program: the program's tasks keep their numbers, and a run is over while it sleeps. In the history it does no work.
 */
import type { Cpu } from '../kernel/cpu.ts';
import { MOST_KTHREADS } from '../kernel/sched/kthread.ts';
import type { Path } from '../memory/point.ts';
import { DefinitionError, isGenerator, type Replacement } from './replacement.ts';

export interface PolicyThreadSpec {
  /** One sentence: what it does when it is woken. */
  readonly says: string;
  /** The CPU it runs on, if the machine has so many; left out, or if not: the last one. */
  readonly cpu?: number;
  /** 1: it goes before programs' tasks, which it preempts; 0 (left out): it waits for its turn. */
  readonly priority?: 0 | 1;
  /** Its work: begins and ends without any lock, in task context, and comes to an end. */
  readonly run: (cpu: Cpu) => Path<void>;
}

export interface PolicyThread extends PolicyThreadSpec {
  /** In camelCase: `lufFlusher`. */
  readonly name: string;
}

/**
 * The threads of a policy in the order of their numbers.
 * @throws DefinitionError naming what is wrong with which
 */
export function threadsOf(of: Pick<Replacement, 'name'>, specs: Record<string, PolicyThreadSpec> = {}): PolicyThread[] {
  const where = `policy "${of.name}": threads`;
  if (typeof specs !== 'object' || specs === null) throw new DefinitionError(`${where}: expected an object`);
  const threads = Object.entries(specs);
  if (threads.length > MOST_KTHREADS) {
    throw new DefinitionError(`${where}: ${threads.length} of them: expected at most ${MOST_KTHREADS}`);
  }
  return threads.map(([name, spec]) => {
    if (!/^[a-z][a-zA-Z0-9]*$/.test(name)) {
      throw new DefinitionError(`${where}: ${JSON.stringify(name)}: expected a name in camelCase`);
    }
    const { says, cpu, priority = 0, run } = spec ?? {};
    if (typeof says !== 'string' || says === '') {
      throw new DefinitionError(`${where}.${name}: says: expected a sentence`);
    }
    if (cpu !== undefined && !(Number.isInteger(cpu) && cpu >= 0)) {
      throw new DefinitionError(`${where}.${name}: cpu: expected the number of a CPU`);
    }
    if (priority !== 0 && priority !== 1) throw new DefinitionError(`${where}.${name}: priority: expected 0 or 1`);
    if (!isGenerator(run)) {
      throw new DefinitionError(`${where}.${name}: run: expected a generator function, like *run(cpu) { … }`);
    }
    return { name, says, cpu, priority, run };
  });
}
