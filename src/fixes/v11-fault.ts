/**
 * A fault in a mapping that may be written to: everything put off so far is flushed once the fault is handled, where v12 has
 * its flush point of handle_mm_fault().
 */
import { definePatch } from '../bugs/patch.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { vmaFlags } from '../kernel/mm/vma-tree.ts';
import { VM_WRITE } from '../kernel/types.ts';
import { lufFlush } from '../policy/luf-coordinator.ts';

export const v11Fault = definePatch({
  name: 'v11-fault',
  says: 'luf-v11: a fault in a writable mapping flushes everything put off, after it is handled',
  source: 'findings/luf-v11-reclaim-store.md, findings/luf-v11-migrate-store.md',

  *handleMmFault(cpu, mm, vma, vpn, write) {
    const writable = (vmaFlags(cpu, vma) & VM_WRITE) !== 0;
    const fault = yield* MAINLINE.handleMmFault(cpu, mm, vma, vpn, write);
    if (writable) yield* lufFlush(cpu);
    return fault;
  },
});
