/**
 * A task that has to reclaim in the midst of a batch of its own, as a migration does for its next frame, flushes what it owes first.
 * The batch of the reclaim would take the debt along under a key of its own, and the folios of the outer one would be freed with none.
 */
import { definePatch } from '../bugs/patch.ts';
import { MAINLINE } from '../kernel/kernel.ts';

export const v12Nested = definePatch({
  name: 'v12-nested',
  says: 'luf-v12: a direct reclaim begins with the flush of what the task owes',
  source: 'findings/luf-v12-nested-reclaim.md',

  *tryToFreePages(cpu, node, gfp) {
    yield* cpu.kernel.tryToUnmapFlush(cpu);
    return yield* MAINLINE.tryToFreePages(cpu, node, gfp);
  },
});
