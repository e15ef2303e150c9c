/**
 * Linux: kernel/rcu/tree.c call_rcu(), rcu_do_batch(), kernel/rcu/tree_exp.h synchronize_rcu_expedited(). The only callback
 * is "free this page table" (Linux: tlb_remove_table_rcu). Lists run through the image, one link word per frame; callbacks
 * run in task context, by whoever finds their grace period over.
 */
import type { CpuId, Pfn } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { preemptDisable, preemptEnable } from '../locking/preempt.ts';
import { CALL_RCU_EXP } from '../smp/calls.ts';

const ROW = 0;

const ASKS = point('rcuAdvance: grace period in progress, a CPU not yet seen quiescent');
const BEGINS = point('rcuAdvance: grace period begins, state of a CPU not noted');
const EXPEDITES = point('synchronizeRcuExpedited: state of a CPU not noted');
const AWAITS = point('synchronizeRcuExpedited: waits for a quiescent state');

/** How many callbacks may wait before whoever adds one pays for a grace period at once. */
function highMark({ geometry: { qhimark, frames } }: Cpu): number {
  return qhimark || Math.max(2, frames >> 3);
}

/**
 * Linux tlb_remove_table_one() and call_rcu(): frees the table in `pfn`, already unhooked and flushed, once no lockless
 * walker can still be in it. May sleep: when too many wait it runs an expedited grace period.
 */
export function* rcuDefer(cpu: Cpu, pfn: Pfn): Path<void> {
  const { rcuState, kernel } = cpu;
  const lock = rcuState.lock.at(ROW);
  yield* kernel.spinLock(cpu, lock);
  rcuState.link.store(ROW, rcuState.next.load(ROW), pfn);
  rcuState.next.store(ROW, pfn);
  const waiting = rcuState.nrNext.load(ROW) + 1;
  rcuState.nrNext.store(ROW, waiting);
  cpu.rcu.hasCallbacks.put(cpu.id, 1);
  yield* kernel.spinUnlock(cpu, lock);
  if (waiting >= highMark(cpu)) yield* kernel.rcuBarrier(cpu);
}

/** Runs callbacks whose grace period is over and begins the next one; does not wait. Task context, no lock held. */
export function* rcuAdvance(cpu: Cpu): Path<void> {
  const { rcuState, kernel } = cpu;
  if (cpu.rcu.hasCallbacks.own(cpu.id) === 0) return;
  const lock = rcuState.lock.at(ROW);
  yield* kernel.spinLock(cpu, lock);
  let done: Pfn[] = [];
  if (rcuState.waiting.load(ROW) !== 0 && (yield* allQuiescent(cpu))) {
    done = takeList(cpu, rcuState.waiting.load(ROW) as Pfn);
    rcuState.waiting.store(ROW, 0);
  }
  if (rcuState.waiting.load(ROW) === 0 && rcuState.next.load(ROW) !== 0) {
    rcuState.waiting.store(ROW, rcuState.next.load(ROW));
    rcuState.next.store(ROW, 0);
    rcuState.nrNext.store(ROW, 0);
    yield* noteStates(cpu);
  }
  if (rcuState.waiting.load(ROW) === 0) cpu.rcu.hasCallbacks.put(cpu.id, 0);
  yield* kernel.spinUnlock(cpu, lock);
  for (const pfn of done) yield* kernel.freePage(cpu, pfn);
}

/** Linux rcu_barrier(), expedited: when it returns, every callback added before has run. Returns how many. May sleep. */
export function* rcuBarrier(cpu: Cpu): Path<number> {
  const { rcuState, kernel } = cpu;
  const lock = rcuState.lock.at(ROW);
  yield* kernel.spinLock(cpu, lock);
  const taken = takeList(cpu, rcuState.waiting.load(ROW) as Pfn);
  taken.push(...takeList(cpu, rcuState.next.load(ROW) as Pfn));
  rcuState.waiting.store(ROW, 0);
  rcuState.next.store(ROW, 0);
  rcuState.nrNext.store(ROW, 0);
  yield* kernel.spinUnlock(cpu, lock);
  if (taken.length === 0) return 0;
  yield* kernel.synchronizeRcuExpedited(cpu);
  for (const pfn of taken) yield* kernel.freePage(cpu, pfn);
  return taken.length;
}

/**
 * Linux synchronize_rcu_expedited(): interrupts every CPU that is not idle, then waits for a quiescent state of each. No
 * lock held, not in a read-side section; this CPU is quiescent by being here.
 */
export function* synchronizeRcuExpedited(cpu: Cpu): Path<void> {
  const { quiescent } = cpu.rcu;
  const targets: CpuId[] = [];
  const seen: number[] = [];
  preemptDisable(cpu);
  cpu.rcu.hasExpedited.put(cpu.id, 1);
  for (let id = 0 as CpuId; id < cpu.geometry.cpus; id++) {
    if (id === cpu.id) continue;
    if (cpu.at(EXPEDITES, quiescent.at(id))) yield;
    const now = quiescent.load(id);
    if ((now & 1) === 1) continue;
    targets.push(id);
    seen.push(now);
  }
  if (targets.length > 0) yield* cpu.kernel.smpCallFunctionMany(cpu, targets, CALL_RCU_EXP);
  yield* preemptEnable(cpu);
  for (let i = 0; i < targets.length; i++) {
    do yield cpu.waitWhile(AWAITS, quiescent.at(targets[i]), seen[i]);
    while (quiescent.load(targets[i]) === seen[i]);
  }
}

/** Unlinks a list; its frames, oldest first. Caller holds rcuState.lock. */
function takeList(cpu: Cpu, first: Pfn): Pfn[] {
  const { link } = cpu.rcuState;
  const list: Pfn[] = [];
  for (let pfn = first; pfn !== 0; ) {
    list.push(pfn);
    const next = link.load(ROW, pfn) as Pfn;
    link.store(ROW, 0, pfn);
    pfn = next;
  }
  return list.reverse();
}

/** Has every CPU been quiescent since the grace period began? Idle then, or moved on since. Caller holds rcuState.lock. */
function* allQuiescent(cpu: Cpu): Path<boolean> {
  const { rcuState, rcu } = cpu;
  for (let id = 0 as CpuId; id < cpu.geometry.cpus; id++) {
    const then = rcuState.snapshot.load(ROW, id);
    if ((then & 1) === 1) continue;
    if (cpu.at(ASKS, rcu.quiescent.at(id))) yield;
    if (rcu.quiescent.load(id) === then) return false;
  }
  return true;
}

function* noteStates(cpu: Cpu): Path<void> {
  const { rcuState, rcu } = cpu;
  for (let id = 0 as CpuId; id < cpu.geometry.cpus; id++) {
    if (cpu.at(BEGINS, rcu.quiescent.at(id))) yield;
    rcuState.snapshot.store(ROW, rcu.quiescent.load(id), id);
  }
}
