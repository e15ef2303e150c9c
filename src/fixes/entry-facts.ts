/** What two fixes of LUF ask about a cleared entry; v11 and v12 need the same, each of its own words. */
import { PTE_RW, pteWrite } from '../hardware/pte.ts';
import type { PteLo } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { TaskId } from '../kernel/types.ts';
import { point } from '../memory/point.ts';
import type { Column } from '../memory/table.ts';

const CHANGING = point('fixed setTlbUbcFlushPending: entry cleared, are permissions being changed?');

/**
 * An entry without write permission says nothing about TLBs while a change of permissions is on its way: tlb_flush_pending,
 * which is raised before the PTL is taken for that change, tells it. Such an entry counts as writable.
 */
export function protectedCounts(record: Kernel['setTlbUbcFlushPending']): Kernel['setTlbUbcFlushPending'] {
  return function* setTlbUbcFlushPending(cpu, mm, old) {
    const { tlbFlushPending } = cpu.mm;
    if (cpu.at(CHANGING, tlbFlushPending.at(mm))) yield;
    const changing = tlbFlushPending.load(mm) > 0;
    yield* record(cpu, mm, changing ? ((old | PTE_RW) as PteLo) : old);
  };
}

/**
 * An entry of an address space that only this CPU uses is flushed at once and joins no batch. It counts all the same: writable
 * before, it is writable behind a migration, and a store through it meets no flush point.
 */
export function atOnceCounts(
  clear: Kernel['ptepClearFlush'],
  canLuf: (cpu: Cpu) => Column<TaskId>,
): Kernel['ptepClearFlush'] {
  return function* ptepClearFlush(cpu, at, pte) {
    const old = yield* clear(cpu, at, pte);
    if (pteWrite(old)) canLuf(cpu).put(cpu.current, 0);
    return old;
  };
}
