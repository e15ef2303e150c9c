/** Linux: kernel/sched/core.c context_switch(): the address space, then the stack. */
import { localIrqRestore, localIrqSave } from '../../hardware/apic.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { INIT_MM, type MmId, type TaskId } from '../types.ts';

const BORROWED = point('mmgrab: mm about to be borrowed, no reference yet');

/**
 * Switches this CPU from `prev` to `next`. A task without an mm borrows the one that is loaded (lazy TLB) and keeps it
 * alive by a reference of its own: mm.count. Caller holds this CPU's rq.lock, interrupts off; the task that goes on holds it.
 */
export function* contextSwitch(cpu: Cpu, prev: TaskId, next: TaskId): Path<void> {
  const { rq, tasks, kernel } = cpu;
  const on = cpu.id;
  const prevActive = rq.activeMm.own(on) as MmId;
  const nextMm = tasks.mm.load(next) as MmId;
  const prevBorrowed = tasks.mm.load(prev) === INIT_MM && prevActive !== INIT_MM;
  if (nextMm !== INIT_MM) {
    yield* kernel.switchMmIrqsOff(cpu, nextMm);
    rq.activeMm.put(on, nextMm);
    if (prevBorrowed) rq.prevMm.put(on, prevActive);
  } else if (cpu.switches.lazyTlb) {
    yield* kernel.enterLazyTlb(cpu);
    if (!prevBorrowed && prevActive !== INIT_MM) yield* kernel.mmgrab(cpu, prevActive);
  } else {
    yield* kernel.switchMmIrqsOff(cpu, INIT_MM);
    rq.activeMm.put(on, INIT_MM);
    if (prevBorrowed) rq.prevMm.put(on, prevActive);
  }
  cpu.mem.released(rq.lock.at(on));
  yield cpu.switchTo(next);
}

/** Linux mmgrab_lazy_tlb(). */
export function* mmgrab(cpu: Cpu, mm: MmId): Path<void> {
  if (cpu.at(BORROWED, cpu.mm.count.at(mm))) yield;
  cpu.spend(cpu.costs.lockedRmw);
  cpu.mm.count.add(mm, 1);
}

/** Linux mmdrop_lazy_tlb_sched(): the switch away from a task that had borrowed `mm` is complete. Interrupts on. */
export function* mmdropLazyTlbSched(cpu: Cpu, mm: MmId): Path<void> {
  yield* cpu.kernel.mmdrop(cpu, mm);
}

/**
 * Linux kernel/exit.c exit_mm(), its first half: the running task stops being a user of its mm and borrows it like a kernel
 * thread. The caller drops the task's own reference (mmput) afterwards. Returns the mm, INIT_MM for a kernel thread.
 */
export function* exitMm(cpu: Cpu): Path<MmId> {
  const { tasks, kernel, rq } = cpu;
  const mm = tasks.mm.load(cpu.current) as MmId;
  if (mm === INIT_MM) return mm;
  localIrqSave(cpu);
  if (cpu.switches.lazyTlb) {
    yield* kernel.mmgrab(cpu, mm);
    yield* kernel.enterLazyTlb(cpu);
  } else {
    yield* kernel.switchMmIrqsOff(cpu, INIT_MM);
    rq.activeMm.put(cpu.id, INIT_MM);
  }
  tasks.mm.store(cpu.current, INIT_MM);
  localIrqRestore(cpu);
  return mm;
}
