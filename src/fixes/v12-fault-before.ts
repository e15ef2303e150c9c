/**
 * The flush at the end of a fault comes too late for a thread that stores through the new entry without a fault. Here the mapping
 * and the mm are flushed before a writable entry is installed, with the folio locked.
 */
import { definePatch } from '../bugs/patch.ts';
import { pteWrite } from '../hardware/pte.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { lufFlushVma } from '../policy/luf12-flush.ts';

export const v12FaultBefore = definePatch({
  name: 'v12-fault-before',
  says: 'luf-v12: a fault flushes its mapping and its mm before it installs a writable entry of a file',
  source: 'findings/luf-v12-flag-late-fault.md',

  *finishFault(cpu, vmf, page, entry) {
    if (pteWrite(entry)) yield* lufFlushVma(cpu, vmf.vma);
    return yield* MAINLINE.finishFault(cpu, vmf, page, entry);
  },
  *finishMkwriteFault(cpu, vmf) {
    yield* lufFlushVma(cpu, vmf.vma);
    yield* MAINLINE.finishMkwriteFault(cpu, vmf);
  },
});
