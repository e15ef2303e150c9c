/**
 * Linux: include/linux/spinlock.h, kernel/locking/spinlock.c. A lock word is 0, or the holder's CPU plus 1. Holding a lock
 * keeps preemption off, so that a waiter never waits for a task of its own CPU. Not guaranteed: any order among waiters.
 */
import { localIrqRestore, localIrqSave } from '../../hardware/apic.ts';
import type { Word } from '../../memory/memory.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { preemptDisable, preemptDue, preemptEnableNoResched } from './preempt.ts';

const LOCK_WANTED = point('spinLock: lock wanted');
const LOCK_TAKEN = point('spinLock: lock taken by another CPU');
const LOCK_TRIED = point('spinTrylock: lock wanted if free');
const SECTION_DONE = point('spinUnlock: critical section done');

/** The lock itself, for callers that keep preemption or interrupts off by other means (Linux: raw_spin_lock of the run queue). */
export function* rawSpinLock(cpu: Cpu, lock: Word): Path<void> {
  if (cpu.at(LOCK_WANTED, lock)) yield;
  for (;;) {
    const seen = cpu.mem.cas(lock, 0, cpu.id + 1);
    if (seen === 0) break;
    if (seen === cpu.id + 1) cpu.bug(`CPU${cpu.id} takes spinlock ${lock} twice`);
    yield cpu.waitWhile(LOCK_TAKEN, lock, seen);
  }
  cpu.spend(cpu.costs.lockedRmw);
  cpu.mem.acquired(lock, true);
}

export function* rawSpinUnlock(cpu: Cpu, lock: Word): Path<void> {
  cpu.mem.released(lock);
  if (cpu.at(SECTION_DONE, lock)) yield;
  // a plain store, as on x86: it becomes visible behind all that was stored under the lock
  const holder = cpu.mem.words[lock];
  cpu.mem.store(lock, 0);
  if (holder !== cpu.id + 1) cpu.bug(`CPU${cpu.id} drops spinlock ${lock} that CPU${holder - 1} holds`);
}

/** Linux spin_lock(). Not from an interrupt handler, unless every other user of the lock keeps interrupts off. */
export function* spinLock(cpu: Cpu, lock: Word): Path<void> {
  preemptDisable(cpu);
  yield* rawSpinLock(cpu, lock);
}

/** Linux spin_unlock(). May preempt the caller. */
export function* spinUnlock(cpu: Cpu, lock: Word): Path<void> {
  yield* rawSpinUnlock(cpu, lock);
  preemptEnableNoResched(cpu);
  if (preemptDue(cpu)) yield* cpu.kernel.schedule(cpu);
}

/** Linux spin_trylock(): whether the lock is now held. */
export function* spinTrylock(cpu: Cpu, lock: Word): Path<boolean> {
  preemptDisable(cpu);
  if (cpu.at(LOCK_TRIED, lock)) yield;
  if (cpu.mem.cas(lock, 0, cpu.id + 1) === 0) {
    cpu.spend(cpu.costs.lockedRmw);
    cpu.mem.acquired(lock, true);
    return true;
  }
  preemptEnableNoResched(cpu);
  if (preemptDue(cpu)) yield* cpu.kernel.schedule(cpu);
  return false;
}

/** Linux spin_lock_irqsave(). */
export function* spinLockIrqsave(cpu: Cpu, lock: Word): Path<void> {
  localIrqSave(cpu);
  preemptDisable(cpu);
  yield* rawSpinLock(cpu, lock);
}

/** Linux spin_unlock_irqrestore(). */
export function* spinUnlockIrqrestore(cpu: Cpu, lock: Word): Path<void> {
  yield* rawSpinUnlock(cpu, lock);
  localIrqRestore(cpu);
  preemptEnableNoResched(cpu);
  if (preemptDue(cpu)) yield* cpu.kernel.schedule(cpu);
}
