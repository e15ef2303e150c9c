/**
 * Ours, of luf-coordinated: when the coordinator's thread is woken to pay everything put off so far. Under pressure, as dirty pages
 * are written back in Linux (domain_dirty_limits()): over the limit the thread is woken, over twice the limit whoever notices pays
 * himself, so that the debt stays bounded even where the thread gets no CPU. And by time, which is counted in timer interrupts.
 */
import type { Cpu } from '../kernel/cpu.ts';
import { maskBit, maskIndex } from '../kernel/cpumask.ts';
import { type Path, point } from '../memory/point.ts';
import { lufFlush } from './luf-coordinator.ts';
import { LUF } from './luf-tables.ts';

export const HOW_MUCH = point('lufPressure: luf_lock held, how many frames wait for a flush?');
export const ANY_DEBT = point('lufTick: luf_lock held, is anything put off?');
export const TICKED = point('lufTick: flushes put off, has this CPU ticked since the oldest?');

/** Number of the coordinator's thread. */
const LUF_FLUSHER = 0;
const ONE = 0;

/** Frames that may wait for a flush before the thread is woken. */
export function lufLimit(frames: number): number {
  return frames >> 3;
}

/** A batch is done. Caller holds no spinlock. */
export function* lufPressure(cpu: Cpu): Path<void> {
  const luf = cpu.wordsOf(LUF);
  const limit = lufLimit(cpu.geometry.frames);
  yield* cpu.kernel.spinLockIrqsave(cpu, luf.lock.at(ONE));
  if (cpu.at(HOW_MUCH, luf.debtFrames.at(ONE))) yield;
  const waiting = luf.debtFrames.load(ONE);
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, luf.lock.at(ONE));
  if (waiting > 2 * limit) yield* lufFlush(cpu);
  else if (waiting > limit) yield* cpu.kernel.wakeUpKthread(cpu, LUF_FLUSHER);
}

/**
 * The timer interrupt: where some CPU has its second tick since the oldest debt, that debt is between one and two ticks old.
 * Counted CPU by CPU, because an idle CPU has none. Interrupt context.
 */
export function* lufTick(cpu: Cpu): Path<void> {
  const { geometry, id } = cpu;
  const luf = cpu.wordsOf(LUF);
  const [k, bit] = [maskIndex(geometry, id), maskBit(geometry, id)];
  yield* cpu.kernel.spinLockIrqsave(cpu, luf.lock.at(ONE));
  if (cpu.at(ANY_DEBT, luf.ubcFlushRequired.at(ONE))) yield;
  let due = false;
  if (luf.ubcFlushRequired.load(ONE) !== 0) {
    if (cpu.at(TICKED, luf.debtTicked.at(ONE, k))) yield;
    const ticked = luf.debtTicked.load(ONE, k);
    due = (ticked & bit) !== 0;
    // if the thread does not come to pay, it is woken again after two more
    luf.debtTicked.store(ONE, ticked ^ bit, k);
  }
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, luf.lock.at(ONE));
  if (due) yield* cpu.kernel.wakeUpKthread(cpu, LUF_FLUSHER);
}
