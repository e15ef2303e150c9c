/**
 * The old folio of a migration, held by somebody else: not ours to free. Either nobody else has a reference, and the frame goes with
 * its key, or the key is flushed and the reference dropped.
 */
import { definePatch } from '../bugs/patch.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { point } from '../memory/point.ts';
import { freeFrozenPages } from '../policy/luf12-alloc.ts';
import { lufFlush } from '../policy/luf12-flush.ts';
import { LUF12_TASK } from '../policy/luf12-tables.ts';

const FREEZES = point('v12-held: folio moved, is ours the last reference?');

export const v12Held = definePatch({
  name: 'v12-held',
  says: 'luf-v12: the old folio of a migration that somebody else holds pays before its reference is dropped',
  source: 'findings/luf-v12-migrate-held.md',

  *migrateFolioDone(cpu, src) {
    const key = cpu.wordsOf(LUF12_TASK).moveDebt.own(cpu.current);
    if (key === 0) return yield* MAINLINE.migrateFolioDone(cpu, src);
    const { refcount } = cpu.folio;
    if (cpu.at(FREEZES, refcount.at(src))) yield;
    if (refcount.cas(src, 1, 0) === 1) return yield* freeFrozenPages(cpu, src, key);
    yield* lufFlush(cpu, key);
    yield* cpu.kernel.folioPut(cpu, src);
  },
});
