/**
 * The words of the flush clock, and how a debt is made and paid. The clock ticks before each flush, and a CPU keeps that value
 * once it has flushed: what was stamped before the tick is flushed. Xen flushes everything when its clock wraps; this one has
 * 31 bits and no run is that long.
 */
import type { Geometry } from '../hardware/geometry.ts';
import type { CpuId, Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { maskBit, maskIndex } from '../kernel/cpumask.ts';
import type { TaskId } from '../kernel/types.ts';
import { type Path, point } from '../memory/point.ts';
import { table } from '../memory/table.ts';

const privateTask = { private: 'task' } as const;
const ONE = 0;

const CLOCK = table<number, Geometry>()('flushClock', () => 1, {
  now: 'shared',
  /** Newest stamp of all, plus one. */
  lastDebt: 'shared',
  /** Flushes put off and not paid, frames with a stamp: for the counters only. */
  debts: 'shared',
  debtFrames: 'shared',
});
/** Linux has no such word; Xen: per_cpu(tlbflush_time). */
const CPU_TIME = table<CpuId, Geometry>()('flushTime', (g) => g.cpus, { time: 'shared' });
/** Xen: page_info.tlbflush_timestamp, plus one; 0: nothing owed. */
const PAGE = table<Pfn, Geometry>()('flushStamp', (g) => g.frames, { stamp: 'shared' });
const TASK = table<TaskId, Geometry>()('flushWalk', (g) => g.cpus + g.tasks, {
  /** What the walk over the mappings of a folio has met: see WALK_*. */
  met: privateTask,
  /** 1 if something was put off since the last flush of a batch. */
  deferred: privateTask,
});
export const XEN_TABLES = [CLOCK, CPU_TIME, PAGE, TASK] as const;

const WALK_NOTHING = 0;
const WALK_CLEAN = 1;
const WALK_OTHER = 2;

const TICKS = point('xen-clock tick: flush about to start, clock to be raised');
const FLUSHED = point('xen-clock flushed: caught up, time to be kept');
const UNHOOKED = point('xen-clock stamp: entries cleared, clock to be read');
const STAMPS = point('xen-clock stamp: clock read, frame to be stamped');
const DEBT_SEEN = point('xen-clock stamp: frame stamped, newest debt to be read');
const DEBT_RAISES = point('xen-clock stamp: newest debt to be raised');
const COUNTS_FRAME = point('xen-clock stamp: debt recorded, frame to be counted');
const COUNTS_BATCH = point('xen-clock batch: nothing left to flush, debt to be counted');
const STAMP_READ = point('xen-clock allocate: frame off the free list, stamp to be taken');
const STAMP_CHECK = point('xen-clock rmqueue: interrupts off, does the frame owe a flush?');
const FRAME_PAID = point('xen-clock allocate: stamp taken, frame to be uncounted');
const NEWEST = point('xen-clock flush: newest debt to be read');
const WHO = point('xen-clock flush: stamp known, has this CPU flushed since?');
const NEWEST_PAID = point('xen-clock flush: paid up to the stamp, is it the newest debt?');
const SETTLES = point('xen-clock flush: all paid, debts to be uncounted');

/** Before a flush of this CPU: the new time. */
export function* tickClock(cpu: Cpu): Path<number> {
  const { now } = cpu.wordsOf(CLOCK);
  if (cpu.at(TICKS, now.at(ONE))) yield;
  return now.add(ONE, 1) + 1;
}

/** This CPU uses no entry any more that went away before `tick`. Interrupts off since before the tick. */
export function* cleanSince(cpu: Cpu, tick: number): Path<void> {
  const { time } = cpu.wordsOf(CPU_TIME);
  if (cpu.at(FLUSHED, time.at(cpu.id))) yield;
  time.store(cpu.id, tick);
}

/** An entry went into the batch of the task. */
export function walkMet(cpu: Cpu, cleanReadOnly: boolean): void {
  const { met } = cpu.wordsOf(TASK);
  const is = cleanReadOnly ? WALK_CLEAN : WALK_OTHER;
  met.put(cpu.current, Math.max(met.own(cpu.current), is));
}

/**
 * Runs `walk`, which undoes the mappings of `folio`. If it met nothing but clean read-only entries, the batch of the task is what
 * it was before, and the frame has a stamp instead. Caller holds the folio lock.
 */
export function* unmapWalk(cpu: Cpu, folio: Pfn, walk: Path<void>): Path<void> {
  const { tlbUbc, geometry } = cpu;
  const me = cpu.current;
  const task = cpu.wordsOf(TASK);
  const required = tlbUbc.flushRequired.own(me);
  const cpus = Array.from({ length: geometry.maskWords }, (_, k) => tlbUbc.cpumask.own(me, k));
  task.met.put(me, WALK_NOTHING);
  yield* walk;
  // what is zeroed when it is freed must not be within reach then
  if (task.met.own(me) !== WALK_CLEAN || cpu.switches.initOnFree) return;
  for (let k = 0; k < cpus.length; k++) tlbUbc.cpumask.put(me, cpus[k], k);
  tlbUbc.flushRequired.put(me, required);
  task.deferred.put(me, 1);
  yield* stampFrame(cpu, folio);
}

function* stampFrame(cpu: Cpu, pfn: Pfn): Path<void> {
  const clock = cpu.wordsOf(CLOCK);
  const page = cpu.wordsOf(PAGE);
  const { peakDebtFrames } = cpu.kcount;
  if (cpu.at(UNHOOKED, clock.now.at(ONE))) yield;
  const stamp = clock.now.load(ONE) + 1;
  if (cpu.at(STAMPS, page.stamp.at(pfn))) yield;
  const former = page.stamp.exchange(pfn, stamp);
  if (cpu.at(DEBT_SEEN, clock.lastDebt.at(ONE))) yield;
  let newest = clock.lastDebt.load(ONE);
  while (newest < stamp) {
    if (cpu.at(DEBT_RAISES, clock.lastDebt.at(ONE))) yield;
    const found = clock.lastDebt.cas(ONE, newest, stamp);
    if (found === newest) break;
    newest = found;
  }
  if (former !== 0) return;
  if (cpu.at(COUNTS_FRAME, clock.debtFrames.at(ONE))) yield;
  const frames = clock.debtFrames.add(ONE, 1) + 1;
  peakDebtFrames.put(cpu.id, Math.max(peakDebtFrames.own(cpu.id), frames));
}

/** The end of a batch: a flush that mainline would send is deferred if nothing else is flushed here. */
export function* debtCheckpoint(cpu: Cpu): Path<void> {
  const { deferred } = cpu.wordsOf(TASK);
  const was = deferred.own(cpu.current) !== 0;
  deferred.put(cpu.current, 0);
  if (!was || cpu.tlbUbc.flushRequired.own(cpu.current) !== 0) return;
  const { debts } = cpu.wordsOf(CLOCK);
  if (cpu.at(COUNTS_BATCH, debts.at(ONE))) yield;
  debts.add(ONE, 1);
  cpu.count(cpu.kcount.deferred);
}

/** Pays for the frame that is about to get a new owner. */
export function* payStamp(cpu: Cpu, pfn: Pfn): Path<void> {
  const page = cpu.wordsOf(PAGE);
  const { debtFrames } = cpu.wordsOf(CLOCK);
  if (cpu.at(STAMP_READ, page.stamp.at(pfn))) yield;
  const stamp = page.stamp.exchange(pfn, 0);
  if (stamp === 0) return;
  if (cpu.at(FRAME_PAID, debtFrames.at(ONE))) yield;
  debtFrames.add(ONE, -1);
  yield* flushOlder(cpu, stamp);
}

/**
 * Xen: ASSERT_ALLOC_CONTEXT(): a frame that owes a flush is for callers with interrupts on. Is the frame, which the caller has taken
 * off the free list, paid for? Once it is, it stays so.
 */
export function* owesNothing(cpu: Cpu, pfn: Pfn): Path<boolean> {
  const page = cpu.wordsOf(PAGE);
  const { time } = cpu.wordsOf(CPU_TIME);
  if (cpu.at(STAMP_CHECK, page.stamp.at(pfn))) yield;
  const stamp = page.stamp.load(pfn);
  for (let id = 0 as CpuId; stamp !== 0 && id < cpu.geometry.cpus; id++) {
    if (cpu.at(WHO, time.at(id))) yield;
    if (time.load(id) < stamp) return false;
  }
  return true;
}

/** Pays everything put off so far. */
export function* flushDebts(cpu: Cpu): Path<void> {
  const { lastDebt } = cpu.wordsOf(CLOCK);
  if (cpu.at(NEWEST, lastDebt.at(ONE))) yield;
  const stamp = lastDebt.load(ONE);
  if (stamp !== 0) yield* flushOlder(cpu, stamp);
}

/** Xen: filtered_flush_tlb_mask(): the CPUs whose last flush is no later than the stamp, this one included. */
function* flushOlder(cpu: Cpu, stamp: number): Path<void> {
  const { time } = cpu.wordsOf(CPU_TIME);
  const { tlbUbc, geometry } = cpu;
  const me = cpu.current;
  let owe = 0;
  for (let id = 0 as CpuId; id < geometry.cpus; id++) {
    if (cpu.at(WHO, time.at(id))) yield;
    if (time.load(id) >= stamp) continue;
    const k = maskIndex(geometry, id);
    tlbUbc.cpumask.put(me, tlbUbc.cpumask.own(me, k) | maskBit(geometry, id), k);
    owe++;
  }
  if (owe > 0) {
    tlbUbc.flushRequired.put(me, 1);
    yield* cpu.kernel.tryToUnmapFlush(cpu);
  }
  yield* settle(cpu, stamp, owe > 0 ? 1 : 0);
}

/**
 * Credits what is paid, if this stamp is the newest: of the flushes put off, `sent` was sent here, the others were not needed; if
 * none was sent here, flushes for other entries have covered them.
 */
function* settle(cpu: Cpu, stamp: number, sent: number): Path<void> {
  const clock = cpu.wordsOf(CLOCK);
  const { avoided, merged } = cpu.kcount;
  if (cpu.at(NEWEST_PAID, clock.lastDebt.at(ONE))) yield;
  if (clock.lastDebt.load(ONE) !== stamp) return;
  if (cpu.at(SETTLES, clock.debts.at(ONE))) yield;
  const debts = clock.debts.exchange(ONE, 0);
  if (debts === 0) return;
  const credit = sent > 0 ? avoided : merged;
  credit.put(cpu.id, credit.own(cpu.id) + debts - sent);
}
