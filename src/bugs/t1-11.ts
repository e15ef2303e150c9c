/**
 * T1-11, 2022, commit 60bae7370896: migration to a device replaces entries by migration entries and flushes when it has dropped the
 * page-table lock. Whoever finds such an entry meanwhile, DONTNEED for one, has nothing to flush and returns.
 */
import { MAINLINE } from '../kernel/kernel.ts';
import { definePatch } from './patch.ts';

export const t111 = definePatch({
  name: 't1-11',
  says: 'migration to a device flushes the entries that it replaced when it has dropped the page-table lock',
  year: 2022,
  source: 'https://git.kernel.org/torvalds/c/60bae7370896',

  *migrateVmaFlush() {},

  *migrateVmaCollectPmd(cpu, args, pmd, start, end) {
    const before = args.src.length;
    yield* MAINLINE.migrateVmaCollectPmd(cpu, args, pmd, start, end);
    if (args.src.length > before) yield* cpu.kernel.flushTlbRange(cpu, args.mm, start, end);
  },
});
