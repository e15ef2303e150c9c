/**
 * A demand folds into the batch of the task and puts that on a diet as a whole, by a time that says nothing about what the task owed
 * before. Where a task goes on, it may owe from an unfinished reclaim, and where a walk comes by an entry without rights, from
 * the folios before: that is flushed first, and the diet begins with nothing.
 */
import { definePatch } from '../bugs/patch.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { type Path, pointLabel } from '../memory/point.ts';
import { LUF12_FLUSH_POINTS } from '../policy/luf-v12.ts';
import { SHARED_CHECK } from '../policy/luf12-flush.ts';

function* pays(cpu: Cpu): Path<void> {
  if (cpu.tlbUbc.flushRequired.own(cpu.current) !== 0) yield* cpu.kernel.tryToUnmapFlush(cpu);
}

export const v12Paid = definePatch({
  name: 'v12-paid',
  says: 'luf-v12: a task flushes what it owes before it flushes what the mm of a VMA owes, or the mm that its CPU lets go of',
  source: 'findings/luf-v12-batch-forgotten.md',

  hooks: { [pointLabel(SHARED_CHECK)]: { before: pays } },

  *mmdropLazyTlbSched(cpu, mm) {
    yield* pays(cpu);
    yield* LUF12_FLUSH_POINTS.taskSwitch.mmdropLazyTlbSched(cpu, mm);
  },
});
