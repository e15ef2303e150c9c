/**
 * T1-02, 2017, commit 3ea277194daa: reclaim empties entries and puts their flush off past the page-table lock. Whoever walks
 * entries has to ask, under that lock, whether such a flush is owed, for an empty entry may still be cached. The fix brought
 * the question to several walks; each walk without it is a bug of its own.
 */
import type { Geometry } from '../hardware/geometry.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import type { MmId, TaskId } from '../kernel/types.ts';
import type { Path } from '../memory/point.ts';
import { table } from '../memory/table.ts';

const T102 = table<TaskId, Geometry>()('t102', (g) => g.cpus + g.tasks, {
  /** 1 while the task walks and does not ask. */
  unasked: { private: 'task' },
});

/** What the patches share. */
export const T102_PATCH = {
  year: 2017,
  source: 'https://git.kernel.org/torvalds/c/3ea277194daa',
  tables: [T102],

  *flushTlbBatchedPending(cpu: Cpu, mm: MmId): Path<void> {
    if (cpu.wordsOf(T102).unasked.own(cpu.current) === 0) yield* MAINLINE.flushTlbBatchedPending(cpu, mm);
  },
};

/** What mainline does, but for the question. */
export function* unasked<T>(cpu: Cpu, path: Path<T>): Path<T> {
  const { unasked: word } = cpu.wordsOf(T102);
  word.put(cpu.current, 1);
  const result = yield* path;
  word.put(cpu.current, 0);
  return result;
}
