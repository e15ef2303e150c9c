/**
 * Linux: mm/filemap.c folio_lock() and include/linux/pagemap.h: the folio lock, which sleeps. A waiter gives its CPU to
 * whoever wants it (sched/polling.ts), so it cannot keep a holder that was preempted from running.
 */
import type { Pfn } from '../../hardware/types.ts';
import { type Path, type Point, point } from '../../memory/point.ts';
import type { Cpu } from '../cpu.ts';
import { PG_WRITEBACK } from '../mm/folio.ts';

export const WANTED = point('folioLock: folio lock wanted');
export const HELD_BY_OTHER = point('folioLock: folio lock held by another task');
export const TRIED = point('folioTrylock: folio lock wanted if free');
export const DONE = point('folioUnlock: done with the locked folio');
export const IN_WRITEBACK = point('folioWaitWriteback: is the folio being written out?');
export const WRITEBACK_SEEN = point('folioWaitWriteback: folio is being written out');
export const LOCK_SEEN = point('folioWaitLocked: folio lock seen held');

/** Linux: __folio_set_locked(), at `now`: of a folio that nobody else can know. Its lock is not looked at. */
export function* folioSetLocked(cpu: Cpu, now: Point, pfn: Pfn): Path<void> {
  const word = cpu.folio.lock.at(pfn);
  if (cpu.at(now, word)) yield;
  cpu.mem.store(word, cpu.current + 1);
  cpu.mem.acquired(word, true);
}

/** Linux: folio_lock(). Caller holds a reference and no spinlock. */
export function* folioLock(cpu: Cpu, pfn: Pfn): Path<void> {
  const word = cpu.folio.lock.at(pfn);
  const me = cpu.current + 1;
  if (cpu.at(WANTED, word)) yield;
  let seen = cpu.mem.cas(word, 0, me);
  while (seen !== 0) {
    if (seen === me) cpu.bug(`folio 0x${pfn.toString(16)} locked twice by one task`);
    if (yield* cpu.kernel.pollBegin(cpu)) {
      yield cpu.waitWhile(HELD_BY_OTHER, word, seen);
      seen = cpu.mem.cas(word, 0, me);
      yield* cpu.kernel.pollEnd(cpu);
    } else {
      yield* cpu.kernel.pollYield(cpu);
      if (cpu.at(WANTED, word)) yield;
      seen = cpu.mem.cas(word, 0, me);
    }
  }
  cpu.spend(cpu.costs.lockedRmw);
  cpu.mem.acquired(word, true);
}

/** Linux: folio_trylock(). */
export function* folioTrylock(cpu: Cpu, pfn: Pfn): Path<boolean> {
  const word = cpu.folio.lock.at(pfn);
  if (cpu.at(TRIED, word)) yield;
  if (cpu.mem.cas(word, 0, cpu.current + 1) !== 0) return false;
  cpu.spend(cpu.costs.lockedRmw);
  cpu.mem.acquired(word, true);
  return true;
}

/** Linux: folio_unlock(). */
export function* folioUnlock(cpu: Cpu, pfn: Pfn): Path<void> {
  const word = cpu.folio.lock.at(pfn);
  cpu.mem.released(word);
  if (cpu.at(DONE, word)) yield;
  const holder = cpu.mem.exchange(word, 0);
  if (holder !== cpu.current + 1) cpu.bug(`folio 0x${pfn.toString(16)} unlocked, but held by task ${holder - 1}`);
}

/** Linux: folio_wait_locked(), once: until the lock word is another than `seen`. No lock or reference is needed. */
export function* folioWaitLocked(cpu: Cpu, pfn: Pfn, seen: number): Path<void> {
  if (yield* cpu.kernel.pollBegin(cpu)) {
    yield cpu.waitWhile(LOCK_SEEN, cpu.folio.lock.at(pfn), seen);
    yield* cpu.kernel.pollEnd(cpu);
  } else yield* cpu.kernel.pollYield(cpu);
}

/** Linux: folio_wait_writeback(). Caller holds a reference. */
export function* folioWaitWriteback(cpu: Cpu, pfn: Pfn): Path<void> {
  const { flags } = cpu.folio;
  const word = flags.at(pfn);
  for (;;) {
    if (cpu.at(IN_WRITEBACK, word)) yield;
    const seen = flags.load(pfn);
    if ((seen & PG_WRITEBACK) === 0) return;
    if (yield* cpu.kernel.pollBegin(cpu)) {
      yield cpu.waitWhile(WRITEBACK_SEEN, word, seen);
      yield* cpu.kernel.pollEnd(cpu);
    } else yield* cpu.kernel.pollYield(cpu);
  }
}
