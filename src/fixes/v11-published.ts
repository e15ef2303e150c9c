/**
 * The debt of a folio is published as soon as its mappings are undone, before it leaves the page cache: whoever writes to the
 * file finds it pending. v12 publishes at each unmap. What is given up then is flushed at the end of the batch, as ever; a
 * folio that reclaim keeps pays at once. Stands in for `v11-kept`.
 */
import { definePatch } from '../bugs/patch.ts';
import type { Geometry } from '../hardware/geometry.ts';
import type { Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import type { ReclaimBatch } from '../kernel/mm/vmscan.ts';
import type { TaskId } from '../kernel/types.ts';
import type { Path } from '../memory/point.ts';
import { table } from '../memory/table.ts';
import { freeUnrefPageUgen } from '../policy/luf-alloc.ts';
import { checkLufFlush, tryToUnmapLuf } from '../policy/luf-coordinator.ts';
import { LUF_TASK } from '../policy/luf-tables.ts';
import { lufV11 } from '../policy/luf-v11.ts';

const PUBLISHED = table<TaskId, Geometry>()('v11Published', (g) => g.cpus + g.tasks, {
  /** Generation of the folio that the task unmapped last; 0 if it is flushed with the batch. */
  ugen: { private: 'task' },
});

/** Folios with the generation under which each is owed. */
interface PublishedBatch extends ReclaimBatch {
  readonly owed: { readonly folio: Pfn; readonly ugen: number }[];
}

export const v11Published = definePatch({
  name: 'v11-published',
  says: 'luf-v11: reclaim publishes the debt of a folio before the folio leaves the page cache',
  source: 'findings/luf-v11-unmap-unpublished.md',
  tables: [PUBLISHED],

  *tryToUnmap(cpu, folio, flags) {
    yield* lufV11.routines.tryToUnmap!(cpu, folio, flags);
    const { eligible } = cpu.wordsOf(LUF_TASK);
    const ugen = eligible.own(cpu.current) !== 0 ? yield* tryToUnmapLuf(cpu) : 0;
    cpu.wordsOf(PUBLISHED).ugen.put(cpu.current, ugen);
  },
  *shrinkFolio(cpu, folio) {
    cpu.wordsOf(PUBLISHED).ugen.put(cpu.current, 0);
    const gone = yield* MAINLINE.shrinkFolio(cpu, folio);
    if (!gone) yield* checkLufFlush(cpu, takePublished(cpu));
    return gone;
  },
  *reclaimBatchInit() {
    return { folios: [], owed: [] } as PublishedBatch;
  },
  *reclaimedAdd(cpu, batch, folio) {
    const { folios, owed } = batch as PublishedBatch;
    const ugen = takePublished(cpu);
    if (ugen !== 0) owed.push({ folio, ugen });
    else folios.push(folio);
    if (folios.length + owed.length >= cpu.geometry.reclaimBatch) yield* freeBatch(cpu, batch);
  },
  freeReclaimed: freeBatch,
});

function* freeBatch(cpu: Cpu, batch: ReclaimBatch): Path<void> {
  const { folios, owed } = batch as PublishedBatch;
  yield* cpu.kernel.tryToUnmapFlush(cpu);
  for (const folio of folios.splice(0)) yield* freeUnrefPageUgen(cpu, folio, 0);
  for (const { folio, ugen } of owed.splice(0)) yield* freeUnrefPageUgen(cpu, folio, ugen);
}

function takePublished(cpu: Cpu): number {
  const { ugen } = cpu.wordsOf(PUBLISHED);
  const published = ugen.own(cpu.current);
  ugen.put(cpu.current, 0);
  return published;
}
