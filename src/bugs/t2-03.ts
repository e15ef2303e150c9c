/**
 * T2-03, 2025, commit fea4e317f9e7: the initiator passes over CPUs whose loaded mm is another, and a CPU in the middle of a
 * switch has not yet published the mm whose entries it already decided to keep.
 */
import { MAINLINE } from '../kernel/kernel.ts';
import { LOADED_MM_SWITCHING } from '../kernel/types.ts';
import { point } from '../memory/point.ts';
import { definePatch } from './patch.ts';

const TARGET_NAMED = point('t2-03: target named, loaded mm not read');

export const t203 = definePatch({
  name: 't2-03',
  says: 'a shootdown skips CPUs that are in the middle of switching to the mm',
  year: 2025,
  source: 'https://git.kernel.org/torvalds/c/fea4e317f9e7',

  *shouldFlushTlb(cpu, target) {
    const { loadedMm } = cpu.tlbState;
    if (cpu.at(TARGET_NAMED, loadedMm.at(target))) yield;
    if (loadedMm.load(target) === LOADED_MM_SWITCHING) return false;
    return yield* MAINLINE.shouldFlushTlb(cpu, target);
  },
});
