/**
 * Linux: include/linux/rwlock.h, rwlock_t: a lock word is 0 free, n readers, RWLOCK_WRITER. Holding it keeps preemption and
 * interrupts off. Not guaranteed: any order among those who wait; Linux queues them.
 */
import { localIrqRestore, localIrqSave } from '../../hardware/apic.ts';
import type { Word } from '../../memory/memory.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { preemptDisable, preemptDue, preemptEnableNoResched } from './preempt.ts';

const RWLOCK_WRITER = -1;

const READ_WANTED = point('readLock: rwlock wanted for reading');
const READERS_SEEN = point('readLock: rwlock seen without a writer');
const WRITER_SEEN = point('readLock: rwlock held for writing');
const READ_DONE = point('readUnlock: read section done');
const WRITE_WANTED = point('writeLock: rwlock wanted for writing');
const HOLDERS_SEEN = point('writeLock: rwlock held by others');
const WRITE_DONE = point('writeUnlock: write section done');

/** Linux read_lock_irqsave(). */
export function* readLockIrqsave(cpu: Cpu, lock: Word): Path<void> {
  localIrqSave(cpu);
  preemptDisable(cpu);
  if (cpu.at(READ_WANTED, lock)) yield;
  let wanted = 0;
  for (let seen = cpu.mem.cas(lock, 0, 1); seen !== wanted; seen = cpu.mem.cas(lock, wanted, wanted + 1)) {
    wanted = Math.max(seen, 0);
    if (seen === RWLOCK_WRITER) yield cpu.waitWhile(WRITER_SEEN, lock, seen);
    else if (cpu.at(READERS_SEEN, lock)) yield;
  }
  cpu.spend(cpu.costs.lockedRmw);
  cpu.mem.acquired(lock, false);
}

/** Linux read_unlock_irqrestore(). May preempt the caller. */
export function* readUnlockIrqrestore(cpu: Cpu, lock: Word): Path<void> {
  cpu.mem.released(lock);
  if (cpu.at(READ_DONE, lock)) yield;
  const former = cpu.mem.add(lock, -1);
  if (former <= 0) cpu.bug(`rwlock ${lock}: reader leaves ${former}`);
  yield* irqrestore(cpu);
}

/** Linux write_lock_irqsave(). */
export function* writeLockIrqsave(cpu: Cpu, lock: Word): Path<void> {
  localIrqSave(cpu);
  preemptDisable(cpu);
  if (cpu.at(WRITE_WANTED, lock)) yield;
  for (let seen = cpu.mem.cas(lock, 0, RWLOCK_WRITER); seen !== 0; seen = cpu.mem.cas(lock, 0, RWLOCK_WRITER)) {
    yield cpu.waitWhile(HOLDERS_SEEN, lock, seen);
  }
  cpu.spend(cpu.costs.lockedRmw);
  cpu.mem.acquired(lock, true);
}

/** Linux write_unlock_irqrestore(). May preempt the caller. */
export function* writeUnlockIrqrestore(cpu: Cpu, lock: Word): Path<void> {
  cpu.mem.released(lock);
  if (cpu.at(WRITE_DONE, lock)) yield;
  const former = cpu.mem.exchange(lock, 0);
  if (former !== RWLOCK_WRITER) cpu.bug(`rwlock ${lock}: writer leaves ${former}`);
  yield* irqrestore(cpu);
}

function* irqrestore(cpu: Cpu): Path<void> {
  localIrqRestore(cpu);
  preemptEnableNoResched(cpu);
  if (preemptDue(cpu)) yield* cpu.kernel.schedule(cpu);
}
