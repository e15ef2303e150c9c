/**
 * The old folio of a migration, held by somebody else: whoever drops the last reference frees it without a generation. So either
 * nobody else has one, and the frame goes with its generation, or what is put off is flushed before the reference is dropped.
 */
import { definePatch } from '../bugs/patch.ts';
import { point } from '../memory/point.ts';
import { freeUnrefPageUgen } from '../policy/luf-alloc.ts';
import { checkLufFlush } from '../policy/luf-coordinator.ts';
import { LUF_TASK } from '../policy/luf-tables.ts';

const FREEZES = point('v11-held: folio moved, is ours the last reference?');

export const v11Held = definePatch({
  name: 'v11-held',
  says: 'luf-v11: the old folio of a migration that somebody else holds pays before its reference is dropped',
  source: 'findings/luf-v11-migrate-held.md',

  *migrateFolioDone(cpu, src) {
    const ugen = cpu.wordsOf(LUF_TASK).moveDebt.own(cpu.current);
    const { refcount } = cpu.folio;
    if (cpu.at(FREEZES, refcount.at(src))) yield;
    if (refcount.cas(src, 1, 0) === 1) yield* freeUnrefPageUgen(cpu, src, ugen);
    else {
      yield* checkLufFlush(cpu, ugen);
      yield* cpu.kernel.folioPut(cpu, src);
    }
  },
});
