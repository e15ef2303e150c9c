/**
 * A frame that leaves the zone keeps its generation, so that whoever takes it off the list of the CPU inherits that, also while the
 * task that has refilled the list has not paid. It is overwritten when the frame is freed.
 */
import { definePatch } from '../bugs/patch.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { point } from '../memory/point.ts';
import { updateTaskUgen } from '../policy/luf-alloc.ts';
import { LUF_PAGE } from '../policy/luf-tables.ts';

const KEPT = point('v11-bulk: off the zone, generation to be read, and kept');

export const v11Bulk = definePatch({
  name: 'v11-bulk',
  says: 'luf-v11: frames that a refill takes off the zone keep the generation that they owe',
  source: 'findings/luf-v11-bulk-preempted.md',

  *delPageFromFreeList(cpu, node, pfn) {
    yield* MAINLINE.delPageFromFreeList(cpu, node, pfn);
    const { ugen } = cpu.wordsOf(LUF_PAGE);
    if (cpu.at(KEPT, ugen.at(pfn))) yield;
    updateTaskUgen(cpu, ugen.load(pfn));
  },
});
