/** A page with a soft-dirty mark that somebody may ask for is not merged: the entry of a KSM page would be without it. */
import { definePatch } from '../bugs/patch.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { PTE_SOFT_DIRTY } from '../kernel/mm/pte-tracking.ts';
import { vmaFlags } from '../kernel/mm/vma-tree.ts';
import { VM_SOFTDIRTY } from '../kernel/types.ts';

export const mainlineMergeTracked = definePatch({
  name: 'mainline-merge-tracked',
  says: 'mainline: KSM merges no page that was stored to since the soft-dirty marks were cleared',
  source: 'findings/mainline-ksm-soft-dirty.md',
  asksRcu: false,

  *replacePage(cpu, at, merge) {
    // of a VMA with VM_SOFTDIRTY every page counts as stored to, whatever its entry says
    const asked = (vmaFlags(cpu, at.vma) & VM_SOFTDIRTY) === 0;
    if (asked && (merge.origPte & PTE_SOFT_DIRTY) !== 0) return false;
    return yield* MAINLINE.replacePage(cpu, at, merge);
  },
});
