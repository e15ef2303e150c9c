/**
 * The flush at the end of a fault comes too late for a thread that stores through the new entry without a fault. Here
 * everything put off is flushed before a writable entry is installed, with the folio locked, so that no reclaim and no
 * migration of it can add to the debt in between.
 */
import { definePatch } from '../bugs/patch.ts';
import { pteWrite } from '../hardware/pte.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { VM_WRITE } from '../kernel/types.ts';
import { lufFlush } from '../policy/luf-coordinator.ts';

export const v11FaultBefore = definePatch({
  name: 'v11-fault-before',
  says: 'luf-v11: a fault flushes everything put off before an entry becomes writable',
  source: 'findings/luf-v11-store-behind-fault.md',

  *finishFault(cpu, vmf, page, entry) {
    if (pteWrite(entry)) yield* lufFlush(cpu);
    return yield* MAINLINE.finishFault(cpu, vmf, page, entry);
  },
  *ptepSetAccessFlags(cpu, vmf, pte, old, entry) {
    if (pteWrite(entry) && !pteWrite(old)) yield* lufFlush(cpu);
    yield* MAINLINE.ptepSetAccessFlags(cpu, vmf, pte, old, entry);
  },
  *mapSwapFolio(cpu, vmf, pte, folio) {
    if ((vmf.vmFlags & VM_WRITE) !== 0) yield* lufFlush(cpu);
    return yield* MAINLINE.mapSwapFolio(cpu, vmf, pte, folio);
  },
});
