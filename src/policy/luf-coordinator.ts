/**
 * The LUF coordinator (v11, mm/rmap.c): who owes a flush, under which generation, and how it is demanded. A state machine
 * over words of the image that any task runs when it comes to a flush point. Restated: a demand that finds another one
 * under way waits for its end instead of spinning over the lock.
 */
import { localIrqRestore, localIrqSave } from '../hardware/apic.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { preemptible } from '../kernel/locking/preempt.ts';
import { type Path, point } from '../memory/point.ts';
import { foldUbc } from './luf-batch.ts';
import { debtAdded, debtMerged, debtPaid } from './luf-counters.ts';
import { LUF, LUF_TASK, TLB_UBC_LUF } from './luf-tables.ts';

export const ANYBODY = point('tryToUnmapLuf: luf_lock held, is anybody flushing?');
export const ANY_DEMAND = point('tryToUnmapLuf: nobody is flushing, is a demanded flush under way?');
export const ADDS = point('tryToUnmapLuf: no flush under way, CPUs to be added to luf_ubc');
export const REQUIRES = point('tryToUnmapLuf: CPUs added, luf_ubc to require a flush');
export const NEW_GEN = point('tryToUnmapLuf: debt recorded, luf_gen to be set');
export const STARTS = point('rmapFlushStart: luf_lock held, flush to be counted in');
export const FLUSHED = point('rmapFlushEnd: flushed, CPUs to be removed from luf_ubc');
export const ENDS = point('rmapFlushEnd: CPUs removed, flush to be counted out');
export const IS_DONE = point('checkLufFlush: generation owed, is its flush done?');
export const IS_NEXT = point('checkLufFlush: luf_lock held, is it the next one to be done?');
export const OTHERS = point('checkLufFlush: next one, does another task flush for it?');
export const OTHERS_FLUSH = point('checkLufFlush: another demanded flush is under way');
export const IS_PENDING = point('checkLufFlush: nobody flushes for it, does any CPU still owe it?');
export const TAKES = point('checkLufFlush: flush owed, luf_ubc to be taken over');
export const CLOSES_GEN = point('checkLufFlush: luf_ubc taken over, luf_gen_next to be raised');
export const CLAIMS = point('checkLufFlush: luf_gen_next raised, luf_on_flushing to be set');
export const RELEASES = point('checkLufFlush: flushed, luf_on_flushing to be cleared');
export const DONE = point('checkLufFlush: luf_on_flushing cleared, luf_gen_done to be set');
export const NEWEST = point('lufFlush: luf_lock held, luf_gen to be read');

const ONE = 0;

/** Linux: ugen_next(): 0 is passed over. */
export function ugenNext(a: number): number {
  return (a + 1) & 0xffff || 1;
}
/** Linux: ugen_before(), which survives a wrap. */
export function ugenBefore(a: number, b: number): boolean {
  return ((a - b) << 16) >> 16 < 0;
}
/** Linux: ugen_latest(): 0 is older than everything. */
export function ugenLatest(a: number, b: number): number {
  if (a === 0 || b === 0) return a + b;
  return ugenBefore(a, b) ? b : a;
}

/**
 * Linux: try_to_unmap_luf(), at the end of a batch, before try_to_unmap_flush(): the eligible part becomes a debt; the
 * generation under which it is owed. Or 0: given up, it is flushed with the rest.
 */
export function* tryToUnmapLuf(cpu: Cpu): Path<number> {
  const luf = cpu.wordsOf(LUF);
  const ubcLuf = cpu.wordsOf(TLB_UBC_LUF);
  const me = cpu.current;
  localIrqSave(cpu);
  if (!(yield* cpu.kernel.spinTrylock(cpu, luf.lock.at(ONE)))) {
    localIrqRestore(cpu);
    lufWithRest(cpu);
    return 0;
  }
  if (cpu.at(ANYBODY, luf.onFlushing.at(ONE))) yield;
  let flushing = luf.onFlushing.load(ONE) !== 0;
  if (!flushing) {
    if (cpu.at(ANY_DEMAND, luf.lufOnFlushing.at(ONE))) yield;
    flushing = luf.lufOnFlushing.load(ONE) !== 0;
  }
  if (flushing) {
    yield* cpu.kernel.spinUnlockIrqrestore(cpu, luf.lock.at(ONE));
    lufWithRest(cpu);
    return 0;
  }
  if (ubcLuf.flushRequired.own(me) !== 0) {
    for (let k = 0; k < cpu.geometry.maskWords; k++) {
      if (cpu.at(ADDS, luf.ubcCpumask.at(ONE, k))) yield;
      luf.ubcCpumask.store(ONE, luf.ubcCpumask.load(ONE, k) | ubcLuf.cpumask.own(me, k), k);
      ubcLuf.cpumask.put(me, 0, k);
    }
    if (cpu.at(REQUIRES, luf.ubcFlushRequired.at(ONE))) yield;
    luf.ubcWritable.store(ONE, luf.ubcWritable.load(ONE) | ubcLuf.writable.own(me));
    luf.ubcFlushRequired.store(ONE, 1);
    ubcLuf.flushRequired.put(me, 0);
    ubcLuf.writable.put(me, 0);
    debtAdded(cpu);
  }
  if (cpu.at(NEW_GEN, luf.lufGen.at(ONE))) yield;
  const ugen = ugenNext(luf.lufGenBeforeNext.load(ONE));
  luf.lufGen.store(ONE, ugen);
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, luf.lock.at(ONE));
  return ugen;
}

/** Linux: try_to_unmap_flush(): pays the batch of the task, what was not handed on included, and whatever debt that covers. */
export function* tryToUnmapFlush(cpu: Cpu): Path<void> {
  const { tlbUbc, current: me } = cpu;
  lufWithRest(cpu);
  if (tlbUbc.flushRequired.own(me) === 0) return;
  const started = yield* rmapFlushStart(cpu);
  const flushed: number[] = [];
  for (let k = 0; k < cpu.geometry.maskWords; k++) flushed.push(tlbUbc.cpumask.own(me, k));
  yield* cpu.kernel.archTlbbatchFlush(cpu, tlbUbc);
  if (started) yield* rmapFlushEnd(cpu, flushed);
  tlbUbc.flushRequired.put(me, 0);
  tlbUbc.writable.put(me, 0);
}

/** fold_ubc(tlb_ubc, tlb_ubc_luf): the eligible part is flushed with the rest, and its folios wait for nothing. */
function lufWithRest(cpu: Cpu): void {
  foldUbc(cpu, cpu.tlbUbc, cpu.wordsOf(TLB_UBC_LUF));
  cpu.wordsOf(LUF_TASK).folios.put(cpu.current, 0);
}

/** Linux: rmap_flush_start(): from here on nobody may add to luf_ubc. False if luf_lock is taken: then nothing is removed later. */
function* rmapFlushStart(cpu: Cpu): Path<boolean> {
  const luf = cpu.wordsOf(LUF);
  localIrqSave(cpu);
  if (!(yield* cpu.kernel.spinTrylock(cpu, luf.lock.at(ONE)))) {
    localIrqRestore(cpu);
    return false;
  }
  if (cpu.at(STARTS, luf.onFlushing.at(ONE))) yield;
  luf.onFlushing.store(ONE, luf.onFlushing.load(ONE) + 1);
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, luf.lock.at(ONE));
  return true;
}

/** Linux: rmap_flush_end() with arch_tlbbatch_done(): what was flushed is owed no longer. */
function* rmapFlushEnd(cpu: Cpu, flushed: readonly number[]): Path<void> {
  const luf = cpu.wordsOf(LUF);
  yield* cpu.kernel.spinLockIrqsave(cpu, luf.lock.at(ONE));
  let left = 0;
  for (let k = 0; k < flushed.length; k++) {
    if (cpu.at(FLUSHED, luf.ubcCpumask.at(ONE, k))) yield;
    const rest = luf.ubcCpumask.load(ONE, k) & ~flushed[k];
    luf.ubcCpumask.store(ONE, rest, k);
    left |= rest;
  }
  if (left === 0) {
    luf.ubcFlushRequired.store(ONE, 0);
    luf.ubcWritable.store(ONE, 0);
    debtMerged(cpu);
  }
  if (cpu.at(ENDS, luf.onFlushing.at(ONE))) yield;
  luf.onFlushing.store(ONE, luf.onFlushing.load(ONE) - 1);
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, luf.lock.at(ONE));
}

/**
 * Linux: check_luf_flush(): when it returns, the flush owed under generation `ugen` is done. Caller holds no spinlock; nothing in it
 * asks whether interrupts are on, which the cross-call of try_to_unmap_flush() needs.
 */
export function* checkLufFlush(cpu: Cpu, ugen: number): Path<void> {
  if (ugen === 0) return;
  const luf = cpu.wordsOf(LUF);
  const lock = luf.lock.at(ONE);
  for (;;) {
    if (cpu.at(IS_DONE, luf.lufGenDone.at(ONE))) yield;
    if (!ugenBefore(luf.lufGenDone.load(ONE), ugen)) return;
    yield* cpu.kernel.spinLockIrqsave(cpu, lock);
    if (cpu.at(IS_NEXT, luf.lufGenDone.at(ONE))) yield;
    if (ugenNext(luf.lufGenDone.load(ONE)) !== ugen) {
      yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock);
      return;
    }
    if (cpu.at(OTHERS, luf.lufOnFlushing.at(ONE))) yield;
    if (luf.lufOnFlushing.load(ONE) === 0) break;
    yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock);
    yield* awaitOthers(cpu);
  }
  if (cpu.at(IS_PENDING, luf.ubcFlushRequired.at(ONE))) yield;
  if (luf.ubcFlushRequired.load(ONE) === 0) {
    yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock);
    return;
  }
  yield* takeOver(cpu);
  if (cpu.at(CLOSES_GEN, luf.lufGenBeforeNext.at(ONE))) yield;
  luf.lufGenBeforeNext.store(ONE, luf.lufGen.load(ONE));
  if (cpu.at(CLAIMS, luf.lufOnFlushing.at(ONE))) yield;
  luf.lufOnFlushing.store(ONE, 1);
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock);
  yield* cpu.kernel.tryToUnmapFlush(cpu);
  yield* cpu.kernel.spinLockIrqsave(cpu, lock);
  if (cpu.at(RELEASES, luf.lufOnFlushing.at(ONE))) yield;
  luf.lufOnFlushing.store(ONE, 0);
  if (cpu.at(DONE, luf.lufGenDone.at(ONE))) yield;
  luf.lufGenDone.store(ONE, ugen);
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, lock);
}

/** fold_ubc(tlb_ubc, &luf_ubc). Caller holds luf_lock. */
function* takeOver(cpu: Cpu): Path<void> {
  const luf = cpu.wordsOf(LUF);
  const { tlbUbc, current: me } = cpu;
  for (let k = 0; k < cpu.geometry.maskWords; k++) {
    if (cpu.at(TAKES, luf.ubcCpumask.at(ONE, k))) yield;
    tlbUbc.cpumask.put(me, tlbUbc.cpumask.own(me, k) | luf.ubcCpumask.load(ONE, k), k);
    luf.ubcCpumask.store(ONE, 0, k);
  }
  tlbUbc.writable.put(me, tlbUbc.writable.own(me) | luf.ubcWritable.load(ONE));
  tlbUbc.flushRequired.put(me, 1);
  luf.ubcFlushRequired.store(ONE, 0);
  luf.ubcWritable.store(ONE, 0);
  debtPaid(cpu);
}

/** Until the flush under way is over, or others of this CPU have run. Who may not sleep, an interrupt handler say, only waits. */
function* awaitOthers(cpu: Cpu): Path<void> {
  const word = cpu.wordsOf(LUF).lufOnFlushing.at(ONE);
  if (!preemptible(cpu)) yield cpu.waitWhile(OTHERS_FLUSH, word, 1);
  else if (yield* cpu.kernel.pollBegin(cpu)) {
    yield cpu.waitWhile(OTHERS_FLUSH, word, 1);
    yield* cpu.kernel.pollEnd(cpu);
  } else yield* cpu.kernel.pollYield(cpu);
}

/** Linux: luf_flush(): everything put off so far. Caller holds no spinlock. */
export function* lufFlush(cpu: Cpu): Path<void> {
  const luf = cpu.wordsOf(LUF);
  yield* cpu.kernel.spinLockIrqsave(cpu, luf.lock.at(ONE));
  if (cpu.at(NEWEST, luf.lufGen.at(ONE))) yield;
  const ugen = luf.lufGen.load(ONE);
  yield* cpu.kernel.spinUnlockIrqrestore(cpu, luf.lock.at(ONE));
  yield* checkLufFlush(cpu, ugen);
}
