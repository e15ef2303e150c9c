/**
 * The queue of tasks that sleep for an rwsem (Linux: sem->wait_list, one per rwsem; here one for all, first come first).
 * Every function: parking.lock held by the caller.
 */
import type { Word } from '../../memory/memory.ts';
import type { Cpu } from '../cpu.ts';
import type { TaskId } from '../types.ts';

/** Appends the running task. */
export function park(cpu: Cpu, sem: Word, writer: 0 | 1): void {
  const { parking } = cpu;
  const n = parking.count.load(0);
  parking.sem.store(0, sem, n);
  parking.task.store(0, cpu.current, n);
  parking.writer.store(0, writer, n);
  parking.count.store(0, n + 1);
}

export interface Granted {
  /** Tasks taken off the queue: one writer, or every reader in front of the first writer. */
  readonly tasks: readonly TaskId[];
  readonly writer: boolean;
  /** Whether other tasks still wait for the rwsem. */
  readonly othersWait: boolean;
}

/** Takes those off the queue whose turn it is, `readersOnly` if a reader holds the rwsem. */
export function unpark(cpu: Cpu, sem: Word, readersOnly: boolean): Granted {
  const { parking } = cpu;
  const tasks: TaskId[] = [];
  const n = parking.count.load(0);
  let kept = 0;
  let writer = false;
  let othersWait = false;
  for (let i = 0; i < n; i++) {
    const entrySem = parking.sem.load(0, i);
    const task = parking.task.load(0, i);
    const wantsToWrite = parking.writer.load(0, i);
    if (entrySem === sem && !othersWait && !writer && (wantsToWrite === 0 || (tasks.length === 0 && !readersOnly))) {
      tasks.push(task as TaskId);
      writer = wantsToWrite === 1;
      continue;
    }
    if (entrySem === sem) othersWait = true;
    parking.sem.store(0, entrySem, kept);
    parking.task.store(0, task, kept);
    parking.writer.store(0, wantsToWrite, kept);
    kept++;
  }
  for (let i = kept; i < n; i++) {
    parking.sem.store(0, 0, i);
    parking.task.store(0, 0, i);
    parking.writer.store(0, 0, i);
  }
  parking.count.store(0, kept);
  return { tasks, writer, othersWait };
}
