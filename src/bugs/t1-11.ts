/**
 * T1-11, 2022, commit 60bae7370896: migration to a device replaces entries by migration entries and flushes when it has dropped the
 * page-table lock. Whoever finds such an entry meanwhile, DONTNEED for one, has nothing to flush and returns.
 */
import type { Vpn } from '../hardware/types.ts';
import { NO_PAGE } from '../kernel/mm/page-alloc.ts';
import { definePatch } from './patch.ts';

export const t111 = definePatch({
  name: 't1-11',
  says: 'migration to a device flushes the entries that it replaced when it has dropped the page-table lock',
  year: 2022,
  source: 'https://git.kernel.org/torvalds/c/60bae7370896',

  *migrateVmaCollectPmd(cpu, args, pmd, start, end) {
    const { kernel } = cpu;
    const pte = yield* kernel.pteOffsetMapLock(cpu, pmd, start as Vpn);
    if (pte === NO_PAGE) return;
    let unmapped = false;
    for (let at = start; at < end; at++) {
      if (yield* kernel.migrateVmaCollectPte(cpu, args, pte, at as Vpn)) unmapped = true;
    }
    yield* kernel.pteUnmapUnlock(cpu, pte);
    if (unmapped) yield* kernel.flushTlbRange(cpu, args.mm, start, end);
  },
});
