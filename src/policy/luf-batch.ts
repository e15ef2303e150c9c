/** LUF's batches of a task (v11): which entries go where while the mappings of a folio are undone, and what is flushed at once. */
import { PTE_D, pteWrite } from '../hardware/pte.ts';
import type { PteLo } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { UnmapBatch } from '../kernel/tlb/batch.ts';
import type { MmId } from '../kernel/types.ts';
import { type Path, point } from '../memory/point.ts';
import type { Column } from '../memory/table.ts';
import { LUF_TASK, TLB_UBC_LUF, TLB_UBC_RO } from './luf-tables.ts';

const GEN_RAISED = point('luf archTlbbatchAddPending: generation raised, cpumask not read');

/** Linux: fold_ubc() between batches of the current task: `src` is empty afterwards. */
export function foldUbc(cpu: Cpu, dst: UnmapBatch, src: UnmapBatch): void {
  const me = cpu.current;
  if (src.flushRequired.own(me) === 0) return;
  for (let k = 0; k < cpu.geometry.maskWords; k++) {
    dst.cpumask.put(me, dst.cpumask.own(me, k) | src.cpumask.own(me, k), k);
    src.cpumask.put(me, 0, k);
  }
  dst.writable.put(me, dst.writable.own(me) | src.writable.own(me));
  dst.flushRequired.put(me, 1);
  src.flushRequired.put(me, 0);
  src.writable.put(me, 0);
}

/** can_luf_init(): before the walk over the mappings of a folio. */
export function canLufInit(cpu: Cpu): void {
  cpu.wordsOf(LUF_TASK).canLuf.put(cpu.current, 1);
}

/** After the walk: can_luf_test(), and the batch of the folio joins the one that its flush belongs to. Folios are small here. */
export function foldWalk(cpu: Cpu): void {
  const me = cpu.current;
  const task = cpu.wordsOf(LUF_TASK);
  const ubcRo = cpu.wordsOf(TLB_UBC_RO);
  const canLuf = task.canLuf.own(me) !== 0 && ubcRo.flushRequired.own(me) !== 0;
  if (canLuf) {
    foldUbc(cpu, cpu.wordsOf(TLB_UBC_LUF), ubcRo);
    task.folios.put(me, task.folios.own(me) + 1);
  } else foldUbc(cpu, cpu.tlbUbc, ubcRo);
  task.eligible.put(me, canLuf ? 1 : 0);
}

/** Linux: set_tlb_ubc_flush_pending(). Caller holds the PTL under which `old` was cleared. */
export function* setTlbUbcFlushPending(cpu: Cpu, mm: MmId, old: PteLo): Path<void> {
  const { kernel, current: me } = cpu;
  if (!(yield* kernel.pteAccessible(cpu, mm, old))) return;
  let ubc: UnmapBatch = cpu.wordsOf(TLB_UBC_RO);
  if (pteWrite(old)) {
    ubc = cpu.tlbUbc;
    cpu.wordsOf(LUF_TASK).canLuf.put(me, 0);
  }
  yield* addPendingTo(cpu, ubc.cpumask, me, mm);
  ubc.flushRequired.put(me, 1);
  yield* kernel.tlbFlushBatchedAdd(cpu, mm);
  if ((old & PTE_D) !== 0) ubc.writable.put(me, 1);
}

/** Linux: arch_tlbbatch_add_pending() of x86, for a batch of one's choice: of this task, or one whose lock the caller holds. */
export function* addPendingTo<R extends number>(cpu: Cpu, cpumask: Column<R>, row: R, mm: MmId): Path<void> {
  yield* cpu.kernel.incMmTlbGen(cpu, mm);
  for (let k = 0; k < cpu.geometry.maskWords; k++) {
    if (cpu.at(GEN_RAISED, cpu.mm.cpumask.at(mm, k))) yield;
    cpumask.store(row, cpumask.load(row, k) | cpu.mm.cpumask.load(mm, k), k);
  }
}

/** Linux: try_to_unmap_flush_dirty(). */
export function* tryToUnmapFlushDirty(cpu: Cpu): Path<void> {
  const me = cpu.current;
  if (cpu.tlbUbc.writable.own(me) !== 0 || cpu.wordsOf(TLB_UBC_LUF).writable.own(me) !== 0) {
    yield* cpu.kernel.tryToUnmapFlush(cpu);
  }
}
