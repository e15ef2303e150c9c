/**
 * Pages that the kernel allocates for itself, in whatever context it runs, and writes to. Who keeps them stands for any user of
 * alloc_pages(): one list for the whole machine under an IRQ-safe lock, from which the page that is there longest goes first.
 */
import { localIrqRestore, localIrqSave } from '../../hardware/apic.ts';
import type { Pfn } from '../../hardware/types.ts';
import type { Path } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { preemptDisable, preemptEnable } from '../locking/preempt.ts';
import { OWNER_KERNEL } from '../observer.ts';
import {
  type AllocContext,
  ENOMEM,
  FAST_NODE,
  GFP_ATOMIC,
  GFP_KERNEL,
  IN_TASK,
  IRQS_OFF,
  UNDER_SPINLOCK,
} from '../types.ts';
import { NO_PAGE } from './page-alloc.ts';

const ONE = 0;

/** Linux: __get_free_pages(), and the first use of what it returns: a page with one reference, its words written; or NO_PAGE. */
export function* getFreePages(cpu: Cpu, gfp: number): Path<Pfn> {
  const { kernel } = cpu;
  const pfn = yield* kernel.allocPagesNode(cpu, OWNER_KERNEL, FAST_NODE, gfp);
  if (pfn !== NO_PAGE) yield* kernel.fillPage(cpu, pfn);
  return pfn;
}

/**
 * Linux: alloc_pages_bulk(), page by page: how many there were, or ENOMEM if none. With interrupts off, as under
 * local_irq_save() of the caller, or under a spinlock of the caller's that nobody else wants, it may not sleep. What was got
 * before it fails is kept.
 */
export function* allocPagesBulk(cpu: Cpu, pages: number, context: AllocContext): Path<number> {
  if (context === IRQS_OFF) localIrqSave(cpu);
  if (context === UNDER_SPINLOCK) preemptDisable(cpu);
  let got = 0;
  while (got < pages) {
    const pfn = yield* cpu.kernel.getFreePages(cpu, context === IN_TASK ? GFP_KERNEL : GFP_ATOMIC);
    if (pfn === NO_PAGE) break;
    yield* keep(cpu, pfn);
    got++;
  }
  if (context === IRQS_OFF) localIrqRestore(cpu);
  if (context === UNDER_SPINLOCK) yield* preemptEnable(cpu);
  return got > 0 ? got : ENOMEM;
}

/** Linux: release_pages(): the oldest `pages` of them, then packets that this CPU has received; how many there were. */
export function* releasePages(cpu: Cpu, pages: number): Path<number> {
  const { kernel } = cpu;
  let freed = 0;
  while (freed < pages) {
    let pfn = yield* oldest(cpu);
    if (pfn === NO_PAGE) pfn = yield* kernel.processBacklog(cpu);
    if (pfn === NO_PAGE) break;
    yield* kernel.freePage(cpu, pfn);
    freed++;
  }
  return freed;
}

function* keep(cpu: Cpu, pfn: Pfn): Path<void> {
  const { lock, count, list } = cpu.kernelPages;
  yield* cpu.kernel.spinLockIrqsave(cpu, lock.at(ONE));
  const n = count.load(ONE);
  list.store(ONE, pfn, n);
  count.store(ONE, n + 1);
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock.at(ONE));
}

function* oldest(cpu: Cpu): Path<Pfn> {
  const { lock, count, list } = cpu.kernelPages;
  yield* cpu.kernel.spinLockIrqsave(cpu, lock.at(ONE));
  const n = count.load(ONE);
  const pfn = n === 0 ? NO_PAGE : (list.load(ONE) as Pfn);
  for (let i = 1; i < n; i++) list.store(ONE, list.load(ONE, i), i - 1);
  if (n > 0) {
    list.store(ONE, 0, n - 1);
    count.store(ONE, n - 1);
  }
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock.at(ONE));
  return pfn;
}
