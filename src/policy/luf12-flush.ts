/**
 * LUF v12 flushes (mm/rmap.c): a flush takes the time before its interrupts are sent and marks the CPUs with it afterwards; a
 * request with an earlier time is then done. The demands: of a key, an mm, a mapping, a VMA.
 */
import type { CpuId } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { cpumaskRead } from '../kernel/cpumask.ts';
import { MAINLINE } from '../kernel/kernel.ts';
import { type FileId, INIT_MM, type MmId, NO_FILE, VM_SHARED, type VmaId } from '../kernel/types.ts';
import { type Path, point } from '../memory/point.ts';
import {
  archTlbbatchDiet,
  archTlbbatchDone,
  cpusIn,
  foldBatch,
  type LufBatchColumns,
  resetBatch,
  ubc,
  ubcLuf,
  ubcRo,
  ubcTakeoff,
  ugenOf,
} from './luf12-batch.ts';
import { LUF_BATCHES, LUF12_CPU, MAPPING_LUF_BATCH, MM_LUF_BATCH, TLB_UBC_TAKEOFF } from './luf12-tables.ts';
import { LUF_UGEN_INIT, newLufUgen, ugenBefore } from './luf12-ugen.ts';

export const MARK_READ = point('tlbFlushEnd: flushed, ugen_done to be read');
export const MARKS = point('tlbFlushEnd: older flush recorded, ugen_done to be raised');
export const WHO_USES = point('archMmMarkUgen: mm flushed, cpumask to be read');
export const SHARED_CHECK = point('lufFlushVma: is the mapping shared?');
export const WHOSE = point('lufFlushVma: mapping flushed, whose is the VMA?');

/** Linux: tlb_flush_start(): the time of a flush, before its interrupts. */
function* tlbFlushStart(cpu: Cpu): Path<number> {
  return yield* newLufUgen(cpu);
}

/** Linux: tlb_flush_end(): one try for each CPU; who loses it leaves an older time, which costs a flush at most. */
function* tlbFlushEnd(cpu: Cpu, cpus: readonly CpuId[], ugen: number): Path<void> {
  const { ugenDone } = cpu.wordsOf(LUF12_CPU);
  for (const id of cpus) {
    if (cpu.at(MARK_READ, ugenDone.at(id))) yield;
    const old = ugenDone.load(id);
    if (!ugenBefore(old + LUF_UGEN_INIT - 1, ugen)) continue;
    if (cpu.at(MARKS, ugenDone.at(id))) yield;
    ugenDone.cas(id, old, ugen - LUF_UGEN_INIT + 1);
  }
}

/** Linux: try_to_unmap_flush(). */
export function* tryToUnmapFlush(cpu: Cpu): Path<void> {
  const own = ubc(cpu);
  foldBatch(cpu, own, ubcRo(cpu), true);
  foldBatch(cpu, own, ubcLuf(cpu), true);
  if (cpu.tlbUbc.flushRequired.own(cpu.current) === 0) return;
  const cpus = cpusIn(cpu, own);
  const ugen = yield* tlbFlushStart(cpu);
  yield* cpu.kernel.archTlbbatchFlush(cpu, cpu.tlbUbc);
  yield* tlbFlushEnd(cpu, cpus, ugen);
  resetBatch(cpu, own);
}

/** Linux: try_to_unmap_flush_dirty(). */
export function* tryToUnmapFlushDirty(cpu: Cpu): Path<void> {
  const batches = [ubc(cpu), ubcRo(cpu), ubcLuf(cpu)];
  if (batches.some(({ of, row }) => of.writable.own(row) !== 0)) yield* cpu.kernel.tryToUnmapFlush(cpu);
}

/** Linux: try_to_unmap_flush_takeoff(). */
export function* tryToUnmapFlushTakeoff(cpu: Cpu): Path<void> {
  const takeoff = ubcTakeoff(cpu);
  if (takeoff.of.flushRequired.own(takeoff.row) === 0) return;
  const cpus = cpusIn(cpu, takeoff);
  // the kernel's archTlbbatchFlush() empties the mask that it flushes; v12 leaves that to reset_batch()
  const masks = Array.from({ length: cpu.geometry.maskWords }, (_, k) => takeoff.of.cpumask.own(takeoff.row, k));
  const ugen = yield* tlbFlushStart(cpu);
  yield* cpu.kernel.archTlbbatchFlush(cpu, cpu.wordsOf(TLB_UBC_TAKEOFF));
  yield* tlbFlushEnd(cpu, cpus, ugen);
  masks.forEach((bits, k) => {
    takeoff.of.cpumask.put(takeoff.row, bits, k);
  });
  for (const batch of [ubc(cpu), ubcRo(cpu), ubcLuf(cpu)]) {
    if (archTlbbatchDone(cpu, batch, takeoff)) resetBatch(cpu, batch);
  }
  resetBatch(cpu, takeoff);
}

/** The flush of flush_tlb_batched_pending() and arch_mm_mark_ugen(). Caller holds the PTL. */
export function* archFlushTlbBatchedPending(cpu: Cpu, mm: MmId): Path<void> {
  const ugen = yield* tlbFlushStart(cpu);
  yield* MAINLINE.archFlushTlbBatchedPending(cpu, mm);
  const cpus: CpuId[] = yield* cpumaskRead(cpu, WHO_USES, cpu.mm.cpumask, mm);
  yield* tlbFlushEnd(cpu, cpus, ugen);
}

/** Linux: luf_flush(). */
export function* lufFlush(cpu: Cpu, key: number): Path<void> {
  const lb = cpu.wordsOf(LUF_BATCHES);
  yield* cpu.kernel.readLockIrqsave(cpu, lb.lock.at(key));
  foldBatch(cpu, ubc(cpu), { of: lb, row: key }, false);
  yield* cpu.kernel.readUnlockIrqrestore(cpu, lb.lock.at(key));
  yield* cpu.kernel.tryToUnmapFlush(cpu);
}

/** Linux: luf_flush_mm(). */
export function* lufFlushMm(cpu: Cpu, mm: MmId): Path<void> {
  if (mm !== INIT_MM) yield* lufFlushOf(cpu, cpu.wordsOf(MM_LUF_BATCH), mm);
}

/** Linux: luf_flush_mapping(). */
export function* lufFlushMapping(cpu: Cpu, mapping: FileId): Path<void> {
  if (mapping !== NO_FILE) yield* lufFlushOf(cpu, cpu.wordsOf(MAPPING_LUF_BATCH), mapping);
}

/** Linux: luf_flush_vma(). */
export function* lufFlushVma(cpu: Cpu, vma: VmaId): Path<void> {
  const { flags, mm, object } = cpu.vma;
  if (cpu.at(SHARED_CHECK, flags.at(vma))) yield;
  const shared = (flags.load(vma) & VM_SHARED) !== 0;
  if (shared) yield* lufFlushMapping(cpu, object.load(vma) as FileId);
  if (cpu.at(WHOSE, mm.at(vma))) yield;
  yield* lufFlushMm(cpu, mm.load(vma) as MmId);
}

/** What luf_flush_mm() and luf_flush_mapping() have in common. The diet is one of tlb_ubc as a whole. */
function* lufFlushOf(cpu: Cpu, lb: LufBatchColumns, row: number): Path<void> {
  yield* cpu.kernel.readLockIrqsave(cpu, lb.lock.at(row));
  foldBatch(cpu, ubc(cpu), { of: lb, row }, false);
  const ugen = ugenOf(lb, row);
  yield* cpu.kernel.readUnlockIrqrestore(cpu, lb.lock.at(row));
  if (yield* archTlbbatchDiet(cpu, ubc(cpu), ugen)) return;
  yield* cpu.kernel.tryToUnmapFlush(cpu);
}
