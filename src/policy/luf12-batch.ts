/** Batches of LUF v12 (mm/rmap.c, arch/x86/mm/tlb.c): the primitives on {cpumask, flush_required, writable}. */
import type { CpuId } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { cpusOf, maskBit, maskIndex } from '../kernel/cpumask.ts';
import type { MmId } from '../kernel/types.ts';
import { type Path, point } from '../memory/point.ts';
import type { Column } from '../memory/table.ts';
import { addPendingTo } from './luf-batch.ts';
import { TLB_UBC_LUF, TLB_UBC_RO } from './luf-tables.ts';
import { LUF_BATCHES, LUF12_CPU, TLB_UBC_TAKEOFF } from './luf12-tables.ts';
import { LUF_UGEN_INIT, newestUgen, newLufUgen, ugenBefore } from './luf12-ugen.ts';

export const IS_DONE = point('archTlbbatchCheckDone: request known, has this CPU flushed since?');
export const DIET = point('archTlbbatchDiet: request known, has this CPU flushed since?');
export const IN_MASK = point('archTlbbatchNeedFold: lock held for reading, who uses the mm?');

interface BatchColumns {
  readonly cpumask: Column<number>;
  readonly flushRequired: Column<number>;
  readonly writable: Column<number>;
}

/** One batch: of the running task, or one whose lock the caller holds (to write, exclusively). */
export interface Batch {
  readonly of: BatchColumns;
  readonly row: number;
}

/** The columns of luf_batch[], mm->luf_batch or address_space->luf_batch. */
export interface LufBatchColumns extends BatchColumns {
  readonly lock: Column<number>;
  readonly ugen: Column<number>;
}

/** The four batches of the task. */
export function ubc(cpu: Cpu): Batch {
  return { of: cpu.tlbUbc, row: cpu.current };
}
export function ubcRo(cpu: Cpu): Batch {
  return { of: cpu.wordsOf(TLB_UBC_RO), row: cpu.current };
}
export function ubcLuf(cpu: Cpu): Batch {
  return { of: cpu.wordsOf(TLB_UBC_LUF), row: cpu.current };
}
export function ubcTakeoff(cpu: Cpu): Batch {
  return { of: cpu.wordsOf(TLB_UBC_TAKEOFF), row: cpu.current };
}

/** lb->ugen. Caller holds the lock. */
export function ugenOf(lb: LufBatchColumns, row: number): number {
  return lb.ugen.load(row) + LUF_UGEN_INIT - 1;
}
export function setUgen(lb: LufBatchColumns, row: number, ugen: number): void {
  lb.ugen.store(row, ugen - LUF_UGEN_INIT + 1);
}

/** Linux: reset_batch(). */
export function resetBatch(cpu: Cpu, { of, row }: Batch): void {
  for (let k = 0; k < cpu.geometry.maskWords; k++) of.cpumask.store(row, 0, k);
  of.flushRequired.store(row, 0);
  of.writable.store(row, 0);
}

/** Linux: fold_batch(). A batch whose flag is down adds nothing, whatever its mask holds. */
export function foldBatch(cpu: Cpu, dst: Batch, src: Batch, reset: boolean): void {
  if (src.of.flushRequired.load(src.row) === 0) return;
  for (let k = 0; k < cpu.geometry.maskWords; k++) {
    dst.of.cpumask.store(dst.row, dst.of.cpumask.load(dst.row, k) | src.of.cpumask.load(src.row, k), k);
  }
  dst.of.writable.store(dst.row, dst.of.writable.load(dst.row) | src.of.writable.load(src.row));
  dst.of.flushRequired.store(dst.row, 1);
  if (reset) resetBatch(cpu, src);
}

/** Linux: arch_tlbbatch_done(): takes the CPUs of `src` out of `dst`; is nobody left? Flags stay. */
export function archTlbbatchDone(cpu: Cpu, dst: Batch, src: Batch): boolean {
  for (let k = 0; k < cpu.geometry.maskWords; k++) {
    dst.of.cpumask.store(dst.row, dst.of.cpumask.load(dst.row, k) & ~src.of.cpumask.load(src.row, k), k);
  }
  return isEmpty(cpu, dst);
}

/** Linux: arch_tlbbatch_check_done(): has every CPU of the batch flushed since the request of time `ugen`? The batch stays. */
export function* archTlbbatchCheckDone(cpu: Cpu, b: Batch, ugen: number): Path<boolean> {
  if (ugen === 0) return isEmpty(cpu, b);
  const { ugenDone } = cpu.wordsOf(LUF12_CPU);
  for (const id of cpusIn(cpu, b)) {
    if (cpu.at(IS_DONE, ugenDone.at(id))) yield;
    if (ugenBefore(ugenDone.load(id) + LUF_UGEN_INIT - 1, ugen)) return false;
  }
  return true;
}

/**
 * Linux: arch_tlbbatch_diet(): the CPUs that have flushed since the request of time `ugen` leave the batch; is nobody left?
 * Flags stay.
 */
export function* archTlbbatchDiet(cpu: Cpu, b: Batch, ugen: number): Path<boolean> {
  const { cpumask } = b.of;
  const { ugenDone } = cpu.wordsOf(LUF12_CPU);
  for (const id of ugen === 0 ? [] : cpusIn(cpu, b)) {
    if (cpu.at(DIET, ugenDone.at(id))) yield;
    if (ugenBefore(ugenDone.load(id) + LUF_UGEN_INIT - 1, ugen)) continue;
    const k = maskIndex(cpu.geometry, id);
    cpumask.store(b.row, cpumask.load(b.row, k) & ~maskBit(cpu.geometry, id), k);
  }
  return isEmpty(cpu, b);
}

/** Linux: __fold_luf_batch(), of an entry of luf_batch[]. Caller holds its lock for writing. */
export function* foldLuf(cpu: Cpu, key: number, src: Batch, ugen: number): Path<void> {
  const lb = cpu.wordsOf(LUF_BATCHES);
  const batch = { of: lb, row: key };
  const former = ugenOf(lb, key);
  if (former === 0 || ugenBefore(former, ugen)) {
    if (former !== 0 && (yield* archTlbbatchDiet(cpu, batch, former))) resetBatch(cpu, batch);
    setUgen(lb, key, ugen);
  }
  foldBatch(cpu, batch, src, false);
}

/** Linux: fold_luf_batch_mm(), of mm->luf_batch or address_space->luf_batch. As published: no flag of the batch is raised. */
export function* foldLufBatchMm(cpu: Cpu, lb: LufBatchColumns, row: number, mm: MmId): Path<void> {
  const { kernel } = cpu;
  yield* kernel.readLockIrqsave(cpu, lb.lock.at(row));
  let need = false;
  for (let k = 0; k < cpu.geometry.maskWords; k++) {
    if (cpu.at(IN_MASK, cpu.mm.cpumask.at(mm, k))) yield;
    if ((cpu.mm.cpumask.load(mm, k) & ~lb.cpumask.load(row, k)) !== 0) need = true;
  }
  yield* kernel.readUnlockIrqrestore(cpu, lb.lock.at(row));
  yield* kernel.writeLockIrqsave(cpu, lb.lock.at(row));
  if (need) yield* addPendingTo(cpu, lb.cpumask, row, mm);
  setUgen(lb, row, yield* newLufUgen(cpu));
  yield* kernel.writeUnlockIrqrestore(cpu, lb.lock.at(row));
}

/** Linux: luf_batch_init(), of mm_init() and of an inode's initialisation. Nobody else knows mm or mapping yet. */
export function* lufBatchInit(cpu: Cpu, lb: LufBatchColumns, row: number): Path<void> {
  const ugen = yield* newestUgen(cpu);
  cpu.mem.acquired(lb.lock.at(row), true);
  resetBatch(cpu, { of: lb, row });
  setUgen(lb, row, ugen - 1);
  cpu.mem.released(lb.lock.at(row));
}

/** The CPUs of a batch, in rising order. */
export function cpusIn(cpu: Cpu, { of, row }: Batch): CpuId[] {
  const found: CpuId[] = [];
  for (let k = 0; k < cpu.geometry.maskWords; k++) cpusOf(cpu.geometry, of.cpumask.load(row, k), k, found);
  return found;
}

function isEmpty(cpu: Cpu, { of, row }: Batch): boolean {
  for (let k = 0; k < cpu.geometry.maskWords; k++) if (of.cpumask.load(row, k) !== 0) return false;
  return true;
}
