/** MADV_FREE leaves the pages of KSM as they are: whoever is merged into one later has given up nothing. */
import { definePatch } from '../bugs/patch.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { PG_KSM } from '../kernel/mm/folio.ts';
import { point } from '../memory/point.ts';

const MERGED = point('mainline-merged-kept: folio locked, does KSM share it?');

export const mainlineMergedKept = definePatch({
  name: 'mainline-merged-kept',
  says: 'mainline: MADV_FREE does not clear the dirty mark of a page that KSM may merge others into',
  source: 'findings/mainline-ksm-lazyfree.md',
  asksRcu: false,

  /** KSM takes a page under the folio lock, which the caller holds. */
  *isOnlyMapping(cpu, page) {
    const { flags } = cpu.folio;
    if (cpu.at(MERGED, flags.at(page))) yield;
    return (flags.load(page) & PG_KSM) === 0 && (yield* MAINLINE.isOnlyMapping(cpu, page));
  },
});
