/**
 * An entry of an address space that only this CPU uses is flushed at once and joins no batch. It counts all the same: writable
 * before, it is writable behind a migration, and a store through it meets no flush point.
 */
import { definePatch } from '../bugs/patch.ts';
import { pteWrite } from '../hardware/pte.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { LUF_TASK } from '../policy/luf-tables.ts';

export const v11AtOnce = definePatch({
  name: 'v11-at-once',
  says: 'luf-v11: a writable entry disqualifies its folio also where it is flushed at once',
  source: 'findings/luf-v11-flushed-at-once.md',

  *ptepClearFlush(cpu, at, pte) {
    const old = yield* MAINLINE.ptepClearFlush(cpu, at, pte);
    if (pteWrite(old)) cpu.wordsOf(LUF_TASK).canLuf.put(cpu.current, 0);
    return old;
  },
});
