/**
 * Allocations that may not sleep: with interrupts off, those of interrupt handlers among them, a flush may wait for a CPU that waits
 * for this one, or for the flush that the handler has interrupted; under a spinlock, for that of a task which this CPU has preempted.
 * So they pass over frames that owe one, and what the task has inherited stays for its next allocation that may sleep. v12 does
 * so with luf_no_shootdown.
 */
import { definePatch } from '../bugs/patch.ts';
import type { Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { preemptible } from '../kernel/locking/preempt.ts';
import { firstFree, NO_PAGE } from '../kernel/mm/page-alloc.ts';
import type { NodeId } from '../kernel/types.ts';
import { type Path, point } from '../memory/point.ts';
import { checkFlushTaskUgen } from '../policy/luf-alloc.ts';
import { ugenBefore } from '../policy/luf-coordinator.ts';
import { LUF, LUF_PAGE } from '../policy/luf-tables.ts';
import { LUF_ROUTINES } from '../policy/luf-v11.ts';
import { passOverOwing } from '../policy/pass-over.ts';

const OWES = point('v11-atomic: frame off the free list, generation to be read');
const PAID = point('v11-atomic: generation known, is its flush done?');

export const v11Atomic = definePatch({
  name: 'v11-atomic',
  says: 'luf-v11: an allocation that may not sleep passes over frames that owe a flush, and flushes nothing',
  source: 'findings/luf-v11-atomic.md',

  *rmqueue(cpu, node, mark) {
    if (preemptible(cpu)) return yield* LUF_ROUTINES.rmqueue(cpu, node, mark);
    return yield* passOverOwing(cpu, () => takeOne(cpu, node, mark), owesNothing);
  },
  *prepNewPage(cpu, pfn, owner) {
    if (preemptible(cpu)) yield* checkFlushTaskUgen(cpu);
    yield* MAINLINE.prepNewPage(cpu, pfn, owner);
  },
});

/** Off the list of this CPU or off the zone, with the generation that it has: nobody inherits it. */
function* takeOne(cpu: Cpu, node: NodeId, mark: number): Path<Pfn> {
  if (cpu.pcp.count.own(cpu.id, node) > 0) return yield* MAINLINE.rmqueue(cpu, node, mark);
  const lock = cpu.zone.lock.at(node);
  yield* cpu.kernel.spinLockIrqsave(cpu, lock);
  const pfn = firstFree(cpu, node, mark);
  if (pfn !== NO_PAGE) yield* MAINLINE.delPageFromFreeList(cpu, node, pfn);
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock);
  return pfn;
}

function* owesNothing(cpu: Cpu, pfn: Pfn): Path<boolean> {
  const { ugen } = cpu.wordsOf(LUF_PAGE);
  const { lufGenDone } = cpu.wordsOf(LUF);
  if (cpu.at(OWES, ugen.at(pfn))) yield;
  const owed = ugen.load(pfn);
  if (owed === 0) return true;
  if (cpu.at(PAID, lufGenDone.at(0))) yield;
  return !ugenBefore(lufGenDone.load(0), owed);
}
