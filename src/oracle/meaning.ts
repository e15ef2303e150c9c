/**
 * Ghost words that mean something only beside others, or nothing in the present state: states that differ in them alone go on
 * alike. Versions of a page only matter while some TLB holds an entry of another one than the present; counts of events that only
 * order them matter as far as they are kept somewhere.
 */
import type { CpuId, TlbSlot, Vpn } from '../hardware/types.ts';
import type { MmId, TaskId } from '../kernel/types.ts';
import type { Word } from '../memory/memory.ts';
import type { Ghost } from './ghost.ts';
import { ENDERS, OP_DEPTH, type PageKey } from './tables.ts';

/** The word counts as holding `as`. */
export type Counts = (word: Word, as: number) => void;

/** @param pages those of which it is worth asking; of others every word counts as it is */
export function ghostMeaning(ghost: Ghost, pages: readonly Vpn[], counts: Counts): void {
  const { g, geometry } = ghost;
  // what is counted from now on is greater than all that is kept
  counts(g.global.ends.at(0), 0);
  counts(g.global.clock.at(0), 0);
  const outdated = entries(ghost, counts);
  for (let mm = 1 as MmId; mm <= geometry.mms; mm++) {
    for (const vpn of pages) {
      const page = ghost.pageKey(mm, vpn);
      if (!outdated.includes(page)) forgetVersions(ghost, page, counts);
    }
  }
  if (outdated.length === 0) forgetEnds(ghost, counts);
}

/** Pages of which some TLB holds an entry of another version than the present. Of free slots nothing is known. */
function entries({ g, machine, geometry, mem: { words } }: Ghost, counts: Counts): readonly PageKey[] {
  const outdated: PageKey[] = [];
  const { tlbPage, tlbVersion, tlbEpoch, pscEpoch, walkEpoch } = g.cpu;
  const slots = geometry.tlbSets * geometry.tlbWays;
  for (let id = 0 as CpuId; id < geometry.cpus; id++) {
    for (let slot = 0 as TlbSlot; slot < slots; slot++) {
      if (words[machine.tlb.lo.at(id, slot)] === 0) {
        counts(tlbPage.at(id, slot), 0);
        counts(tlbVersion.at(id, slot), 0);
        counts(tlbEpoch.at(id, slot), 0);
        continue;
      }
      const page = words[tlbPage.at(id, slot)] as PageKey;
      if (words[tlbVersion.at(id, slot)] !== words[g.page.version.at(page)]) outdated.push(page);
    }
    for (let psc = 0; psc < geometry.pscEntries; psc++) {
      if (words[machine.psc.level.at(id, psc)] === 0) counts(pscEpoch.at(id, psc), 0);
    }
    for (let walk = 0; walk < 2; walk++) {
      if (words[machine.walk.active.at(id, walk)] === 0) counts(walkEpoch.at(id, walk), 0);
    }
  }
  return outdated;
}

/**
 * No entry is asked which version it is of. One that is filled later will be of the present version or of a later one: no call that has
 * returned says anything of those. What made the present version matters while it may be undone.
 */
function forgetVersions({ g, mem: { words } }: Ghost, page: PageKey, counts: Counts): void {
  const { version, ender, endedTime, settled, settledStores, goneLo } = g.page;
  counts(settled.at(page), 0);
  counts(settledStores.at(page), 0);
  const present = words[version.at(page)] % ENDERS;
  const mayBeUndone = words[goneLo.at(page)] !== 0;
  for (let k = 0; k < ENDERS; k++) {
    counts(endedTime.at(page, k), 0);
    if (k !== present || !mayBeUndone) counts(ender.at(page, k), 0);
  }
}

/** No entry is outdated: calls in flight will rely on nothing that they do not take away themselves. */
function forgetEnds({ g, geometry }: Ghost, counts: Counts): void {
  for (let task = 0 as TaskId; task < geometry.cpus + geometry.tasks; task++) {
    for (let depth = 0; depth < OP_DEPTH; depth++) counts(g.task.endsBefore.at(task, depth), 0);
  }
}
