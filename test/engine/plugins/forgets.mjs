import { definePatch } from '#tlblab/bugs/patch.js';
import { tryToUnmapLuf } from '#tlblab/policy/luf-coordinator.js';

export default definePatch({
  name: 'forgets',
  says: 'the debt of a batch of reclaim is recorded, and the frames are freed without their generation',
  source: 'a test',
  *freeReclaimed(cpu, batch) {
    yield* tryToUnmapLuf(cpu);
    for (const folio of batch.foliosLuf.splice(0)) yield* cpu.kernel.freeUnrefPage(cpu, folio);
  },
});
