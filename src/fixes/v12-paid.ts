/**
 * A demand folds into the batch of the task and puts that on a diet as a whole, by a time that says nothing about what the task owed
 * before. Where a task goes on, it may owe from an unfinished reclaim: that is flushed first, and the diet begins with nothing.
 */
import { definePatch } from '../bugs/patch.ts';
import { LUF12_FLUSH_POINTS } from '../policy/luf-v12.ts';

export const v12Paid = definePatch({
  name: 'v12-paid',
  says: 'luf-v12: a task that goes on flushes what it owes before it flushes the mm that its CPU lets go of',
  source: 'findings/luf-v12-batch-forgotten.md',

  *mmdropLazyTlbSched(cpu, mm) {
    if (cpu.tlbUbc.flushRequired.own(cpu.current) !== 0) yield* cpu.kernel.tryToUnmapFlush(cpu);
    yield* LUF12_FLUSH_POINTS.taskSwitch.mmdropLazyTlbSched(cpu, mm);
  },
});
