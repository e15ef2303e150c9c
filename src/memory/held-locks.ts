/** Which locks each task holds, as the stepper's memory is told by those who take and drop them. */
import type { Word } from './memory.ts';

export class HeldLocks {
  /** By task, oldest first: the lock's word times two, plus one if held exclusively. */
  private readonly byTask: number[][] = [];

  acquired(task: number, lock: Word, exclusive: boolean): void {
    let locks = this.byTask[task];
    if (!locks) {
      locks = [];
      this.byTask[task] = locks;
    }
    locks.push(lock * 2 + (exclusive ? 1 : 0));
  }

  /** False: it was not held. */
  released(task: number, lock: Word): boolean {
    const locks = this.byTask[task] ?? [];
    for (let i = locks.length - 1; i >= 0; i--) {
      if (locks[i] >> 1 !== lock) continue;
      if (i === locks.length - 1) locks.pop();
      else locks.splice(i, 1);
      return true;
    }
    return false;
  }

  any(task: number): boolean {
    const locks = this.byTask[task];
    return locks !== undefined && locks.length > 0;
  }

  /** Is the lock among those held, exclusively if asked? The last one taken is looked at first. */
  holds(task: number, lock: number, exclusively: boolean): boolean {
    const locks = this.byTask[task];
    const entry = lock * 2;
    for (let i = locks.length - 1; i >= 0; i--) {
      if (locks[i] === entry + 1 || (!exclusively && locks[i] === entry)) return true;
    }
    return false;
  }

  names(task: number, nameOf: (lock: Word) => string): string[] {
    return (this.byTask[task] ?? []).map((l) => nameOf((l >> 1) as Word) + (l & 1 ? '' : ' (shared)'));
  }

  /** A copy of what the task holds, for `restore`. */
  kept(task: number): readonly number[] {
    return [...(this.byTask[task] ?? [])];
  }
  restore(task: number, kept: readonly number[]): void {
    this.byTask[task] = [...kept];
  }

  clear(): void {
    for (const locks of this.byTask) while (locks && locks.length > 0) locks.pop();
  }
}
