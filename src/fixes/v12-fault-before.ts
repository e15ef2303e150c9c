/**
 * The flush at the end of a fault comes too late for a thread that stores through the new entry without a fault. Here the mapping
 * and the mm are flushed before a writable entry is installed, with the folio locked.
 */
import { definePatch } from '../bugs/patch.ts';
import { pteWrite } from '../hardware/pte.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { VM_WRITE } from '../kernel/types.ts';
import { lufFlushVma } from '../policy/luf12-flush.ts';

export const v12FaultBefore = definePatch({
  name: 'v12-fault-before',
  says: 'luf-v12: a fault flushes its mapping and its mm before an entry becomes writable',
  source: 'findings/luf-v12-flag-late-fault.md',

  *finishFault(cpu, vmf, page, entry) {
    if (pteWrite(entry)) yield* lufFlushVma(cpu, vmf.vma);
    return yield* MAINLINE.finishFault(cpu, vmf, page, entry);
  },
  *ptepSetAccessFlags(cpu, vmf, pte, old, entry) {
    if (pteWrite(entry) && !pteWrite(old)) yield* lufFlushVma(cpu, vmf.vma);
    yield* MAINLINE.ptepSetAccessFlags(cpu, vmf, pte, old, entry);
  },
  *mapSwapFolio(cpu, vmf, pte, folio) {
    if ((vmf.vmFlags & VM_WRITE) !== 0) yield* lufFlushVma(cpu, vmf.vma);
    return yield* MAINLINE.mapSwapFolio(cpu, vmf, pte, folio);
  },
});
