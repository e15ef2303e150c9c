/**
 * An entry without write permission says nothing about TLBs while a change of permissions is on its way: tlb_flush_pending,
 * which is raised before the PTL is taken for that change, tells it. Such an entry counts as writable.
 */
import { definePatch } from '../bugs/patch.ts';
import { PTE_RW } from '../hardware/pte.ts';
import type { PteLo } from '../hardware/types.ts';
import { point } from '../memory/point.ts';
import { lufV11 } from '../policy/luf-v11.ts';

const CHANGING = point('v11-protected: entry cleared, are permissions being changed?');

export const v11Protected = definePatch({
  name: 'v11-protected',
  says: 'luf-v11: an entry cleared while tlb_flush_pending is raised is flushed as a writable one',
  source: 'findings/luf-v11-write-protect.md',

  *setTlbUbcFlushPending(cpu, mm, old) {
    const { tlbFlushPending } = cpu.mm;
    if (cpu.at(CHANGING, tlbFlushPending.at(mm))) yield;
    const changing = tlbFlushPending.load(mm) > 0;
    yield* lufV11.routines.setTlbUbcFlushPending!(cpu, mm, changing ? ((old | PTE_RW) as PteLo) : old);
  },
});
