/**
 * Linux: kernel/locking/rwsem.c. The count word: 0 free, n readers, RWSEM_WRITER; with RWSEM_WAITERS added while tasks sleep
 * for it (which stops newcomers, so that nobody starves), RWSEM_WRITER_WAITERS for a writer with sleepers. The word behind it
 * names the writing task. Who releases hands the rwsem over to the sleepers whose turn it is. As in Linux only writers wait
 * without sleeping, and only while the writing owner runs on some CPU; such a waiter gives its CPU to whoever wants it
 * (sched/polling.ts), so it cannot keep an owner that was preempted from running.
 */
import type { Word } from '../../memory/memory.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { type TaskId, WAKE_KERNEL } from '../types.ts';
import { park, unpark } from './parking.ts';

export const RWSEM_WRITER = -1;
export const RWSEM_WRITER_WAITERS = -2;
export const RWSEM_WAITERS = 1 << 20;

const READ_WANTED = point('downRead: rwsem wanted for reading');
const READ_TRIED = point('downReadTrylock: rwsem wanted for reading if free');
const READERS_SEEN = point('downRead: rwsem seen without a writer');
const WRITE_WANTED = point('downWrite: rwsem wanted for writing');
const WRITER_SEEN = point('downWrite: rwsem held for writing');
const OWNER_KNOWN = point('downWrite: owner known');
const OWNER_RUNS = point('downWrite: owner runs');
const WAIT_LISTED = point('rwsem: about to be queued');
const COUNT_SEEN = point('rwsem: count seen, about to be queued');
const READ_DONE = point('upRead: read section done');
const WRITE_DONE = point('upWrite: write section done');
const DOWNGRADES = point('downgradeWrite: nothing left to write');
const HANDED_OVER = point('rwsem: next holders taken off the queue');

/** Linux down_read(). May sleep. */
export function* downRead(cpu: Cpu, sem: Word): Path<void> {
  if (cpu.at(READ_WANTED, sem)) yield;
  let wanted = 0;
  for (let seen = cpu.mem.cas(sem, 0, 1); seen !== wanted; seen = cpu.mem.cas(sem, wanted, wanted + 1)) {
    if (!readable(seen)) return yield* sleepFor(cpu, sem, 0);
    wanted = seen;
    if (cpu.at(READERS_SEEN, sem)) yield;
  }
  cpu.spend(cpu.costs.lockedRmw);
  cpu.mem.acquired(sem, false);
}

/** Linux down_read_trylock(): whether the rwsem is now held for reading. */
export function* downReadTrylock(cpu: Cpu, sem: Word): Path<boolean> {
  let seen = 0;
  for (;;) {
    if (cpu.at(READ_TRIED, sem)) yield;
    const now = cpu.mem.cas(sem, seen, seen + 1);
    if (now === seen) break;
    if (!readable(now)) return false;
    seen = now;
  }
  cpu.spend(cpu.costs.lockedRmw);
  cpu.mem.acquired(sem, false);
  return true;
}

/** Linux up_read(). */
export function* upRead(cpu: Cpu, sem: Word): Path<void> {
  cpu.mem.released(sem);
  if (cpu.at(READ_DONE, sem)) yield;
  const left = cpu.mem.add(sem, -1) - 1;
  if (left === RWSEM_WAITERS) yield* handOver(cpu, sem, 0);
  else if (left < 0 || (left & (RWSEM_WAITERS - 1)) === RWSEM_WAITERS - 1)
    cpu.bug(`rwsem ${sem}: reader leaves ${left}`);
}

/** Linux down_write(). May sleep. */
export function* downWrite(cpu: Cpu, sem: Word): Path<void> {
  if (cpu.at(WRITE_WANTED, sem)) yield;
  let seen = cpu.mem.cas(sem, 0, RWSEM_WRITER);
  while (seen < 0 && (yield* ownerRuns(cpu, sem)) && (yield* cpu.kernel.pollBegin(cpu))) {
    yield cpu.waitWhile(OWNER_RUNS, sem, seen);
    seen = cpu.mem.cas(sem, 0, RWSEM_WRITER);
    yield* cpu.kernel.pollEnd(cpu);
  }
  if (seen !== 0) yield* sleepFor(cpu, sem, 1);
  else {
    cpu.spend(cpu.costs.lockedRmw);
    cpu.mem.acquired(sem, true);
  }
  cpu.mem.store((sem + 1) as Word, cpu.current + 1);
}

/** Linux up_write(). */
export function* upWrite(cpu: Cpu, sem: Word): Path<void> {
  cpu.mem.store((sem + 1) as Word, 0);
  cpu.mem.released(sem);
  if (cpu.at(WRITE_DONE, sem)) yield;
  const seen = cpu.mem.cas(sem, RWSEM_WRITER, 0);
  if (seen === RWSEM_WRITER_WAITERS) yield* handOver(cpu, sem, 0);
  else if (seen !== RWSEM_WRITER) cpu.bug(`rwsem ${sem}: writer leaves ${seen}`);
}

/** Linux downgrade_write(): a writer becomes a reader, nobody in between. */
export function* downgradeWrite(cpu: Cpu, sem: Word): Path<void> {
  cpu.mem.store((sem + 1) as Word, 0);
  cpu.mem.released(sem);
  cpu.mem.acquired(sem, false);
  if (cpu.at(DOWNGRADES, sem)) yield;
  const seen = cpu.mem.cas(sem, RWSEM_WRITER, 1);
  if (seen === RWSEM_WRITER_WAITERS) yield* handOver(cpu, sem, 1);
  else if (seen !== RWSEM_WRITER) cpu.bug(`rwsem ${sem}: downgraded from ${seen}`);
}

function readable(count: number): boolean {
  return count >= 0 && (count & RWSEM_WAITERS) === 0;
}

/** Linux rwsem_can_spin_on_owner(): does the writer run on a CPU? Another one, then, because this task runs here. */
function* ownerRuns(cpu: Cpu, sem: Word): Path<boolean> {
  const owner = (sem + 1) as Word;
  if (cpu.at(WRITER_SEEN, owner)) yield;
  const task = cpu.mem.load(owner) - 1;
  // between taking and naming itself, or between un-naming itself and leaving: it runs
  if (task < 0) return true;
  const { onCpu } = cpu.tasks;
  if (cpu.at(OWNER_KNOWN, onCpu.at(task as TaskId))) yield;
  return onCpu.load(task as TaskId) === 1;
}

/** Linux rwsem_down_read_slowpath() and rwsem_down_write_slowpath(): queues the task and sleeps until the rwsem is its own. */
function* sleepFor(cpu: Cpu, sem: Word, writer: 0 | 1): Path<void> {
  const lock = cpu.parking.lock.at(0);
  yield* cpu.kernel.spinLock(cpu, lock);
  let mine = false;
  for (;;) {
    if (cpu.at(WAIT_LISTED, sem)) yield;
    const seen = cpu.mem.load(sem);
    const flagged = seen < RWSEM_WRITER || (seen & RWSEM_WAITERS) !== 0;
    if (seen >= 0 && flagged) break;
    if (seen === RWSEM_WRITER_WAITERS) break;
    const free = writer === 1 ? seen === 0 : seen >= 0;
    const next = free
      ? writer === 1
        ? RWSEM_WRITER
        : seen + 1
      : seen < 0
        ? RWSEM_WRITER_WAITERS
        : seen | RWSEM_WAITERS;
    if (cpu.at(COUNT_SEEN, sem)) yield;
    if (cpu.mem.cas(sem, seen, next) !== seen) continue;
    mine = free;
    break;
  }
  if (!mine) park(cpu, sem, writer);
  yield* cpu.kernel.spinUnlock(cpu, lock);
  if (!mine) yield* cpu.kernel.sleepOn(cpu, WAKE_KERNEL);
  cpu.mem.acquired(sem, writer === 1);
}

/**
 * Linux rwsem_wake(), with a hand-over always: gives the rwsem to those in front of its queue. Caller: the last holder on
 * its way out (`readersStay` 0), or a writer that stays as a reader (1). Nobody else can change the count meanwhile: it
 * carries the waiters' mark, and whoever wants to be queued needs parking.lock.
 */
function* handOver(cpu: Cpu, sem: Word, readersStay: 0 | 1): Path<void> {
  const lock = cpu.parking.lock.at(0);
  yield* cpu.kernel.spinLock(cpu, lock);
  const granted = unpark(cpu, sem, readersStay === 1);
  if (granted.tasks.length === 0 && readersStay === 0) cpu.bug(`rwsem ${sem} is marked as awaited by nobody`);
  const readers = readersStay + (granted.writer ? 0 : granted.tasks.length);
  if (cpu.at(HANDED_OVER, sem)) yield;
  if (granted.writer) cpu.mem.store(sem, granted.othersWait ? RWSEM_WRITER_WAITERS : RWSEM_WRITER);
  else cpu.mem.store(sem, granted.othersWait ? readers | RWSEM_WAITERS : readers);
  yield* cpu.kernel.spinUnlock(cpu, lock);
  for (const task of granted.tasks) yield* cpu.kernel.wakeUp(cpu, task, WAKE_KERNEL);
}
