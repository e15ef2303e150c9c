/**
 * Linux: mm/rmap.c set_tlb_ubc_flush_pending(), try_to_unmap_flush(), flush_tlb_batched_pending(), and arch/x86
 * arch_tlbbatch_add_pending(), arch_tlbbatch_flush(): unmaps of reclaim whose flush is postponed, batched per task.
 */
import { localIrqRestore, localIrqSave } from '../../hardware/apic.ts';
import { PTE_D, ptePresent } from '../../hardware/pte.ts';
import type { CpuId, PteLo } from '../../hardware/types.ts';
import { type Path, point } from '../../memory/point.ts';
import type { Cpu, KernelColumns } from '../cpu.ts';
import { cpusOf } from '../cpumask.ts';
import { preemptDisable, preemptEnable } from '../locking/preempt.ts';
import { pteProtnone } from '../mm/pte-prot.ts';
import type { MmId } from '../types.ts';
import { ANY_MM, getFlushTlbInfo, putFlushTlbInfo, TLB_FLUSH_ALL, TLB_GENERATION_INVALID } from './flush-info.ts';

/** mm.tlbFlushBatched holds two counts: pending unmaps in the low half, those already flushed in the high one. */
const FLUSHED_SHIFT = 16;
const PENDING_MASK = (1 << (FLUSHED_SHIFT - 1)) - 1;
const PENDING_LARGE = PENDING_MASK >> 1;

/** Linux: struct tlbflush_unmap_batch, of a task. */
export type UnmapBatch = KernelColumns['tlbUbc'];

const GEN_RAISED = point('archTlbbatchAddPending: generation raised, cpumask not read');
const BATCH_OWED = point('setTlbUbcFlushPending: flush owed, mm not marked');
const NO_RIGHTS = point('pteAccessible: entry without rights cleared, is a flush pending?');
const COUNT_READ = point('setTlbUbcFlushPending: mark read');
const PTL_HELD = point('flushTlbBatchedPending: page-table lock held, mark not read');
const PENDING_FLUSHED = point('flushTlbBatchedPending: pending unmaps flushed, mark stale');

/** Records that a PTE of `mm` was cleared and its flush postponed to this task's batch. Caller holds the PTL of that PTE. */
export function* setTlbUbcFlushPending(cpu: Cpu, mm: MmId, old: PteLo): Path<void> {
  const { tlbUbc, kernel } = cpu;
  if (!(yield* kernel.pteAccessible(cpu, mm, old))) return;
  yield* kernel.archTlbbatchAddPending(cpu, mm);
  tlbUbc.flushRequired.put(cpu.current, 1);
  if ((old & PTE_D) !== 0) tlbUbc.writable.put(cpu.current, 1);
  yield* kernel.tlbFlushBatchedAdd(cpu, mm);
}

/**
 * Linux: pte_accessible(): may a TLB hold the entry? One without rights only if the flush that took them is still pending.
 * Caller holds the PTL.
 */
export function* pteAccessible(cpu: Cpu, mm: MmId, old: PteLo): Path<boolean> {
  if (ptePresent(old)) return true;
  if (!pteProtnone(old)) return false;
  const { tlbFlushPending } = cpu.mm;
  if (cpu.at(NO_RIGHTS, tlbFlushPending.at(mm))) yield;
  return tlbFlushPending.load(mm) > 0;
}

/** Raises the pending half of tlb_flush_batched: walkers of this mm find out that a flush is owed. Caller holds the PTL. */
export function* tlbFlushBatchedAdd(cpu: Cpu, mm: MmId): Path<void> {
  const { tlbFlushBatched } = cpu.mm;
  if (cpu.at(BATCH_OWED, tlbFlushBatched.at(mm))) yield;
  let seen = tlbFlushBatched.load(mm);
  for (;;) {
    // before the count overflows, forget what was flushed long ago: pending 1, flushed 0
    const next = (seen & PENDING_MASK) > PENDING_LARGE ? 1 : seen + 1;
    if (cpu.at(COUNT_READ, tlbFlushBatched.at(mm))) yield;
    const now = tlbFlushBatched.cas(mm, seen, next);
    if (now === seen) return;
    seen = now;
  }
}

/** x86: raises the generation, then collects the CPUs that may have cached the entry. */
export function* archTlbbatchAddPending(cpu: Cpu, mm: MmId): Path<void> {
  const { tlbUbc } = cpu;
  yield* cpu.kernel.incMmTlbGen(cpu, mm);
  for (let k = 0; k < cpu.geometry.maskWords; k++) {
    if (cpu.at(GEN_RAISED, cpu.mm.cpumask.at(mm, k))) yield;
    tlbUbc.cpumask.put(cpu.current, tlbUbc.cpumask.own(cpu.current, k) | cpu.mm.cpumask.load(mm, k), k);
  }
}

/** Linux try_to_unmap_flush(): pays the batch. Must run before its pages are freed. */
export function* tryToUnmapFlush(cpu: Cpu): Path<void> {
  const { tlbUbc, kernel } = cpu;
  if (tlbUbc.flushRequired.own(cpu.current) === 0) return;
  yield* kernel.archTlbbatchFlush(cpu, tlbUbc);
  tlbUbc.flushRequired.put(cpu.current, 0);
  tlbUbc.writable.put(cpu.current, 0);
}

/**
 * Linux try_to_unmap_flush_dirty(): pays it if a page of the batch may still be written. Must run before its pages are written
 * out.
 */
export function* tryToUnmapFlushDirty(cpu: Cpu): Path<void> {
  if (cpu.tlbUbc.writable.own(cpu.current) !== 0) yield* cpu.kernel.tryToUnmapFlush(cpu);
}

/** Flushes whatever each CPU of a batch of this task has loaded; mms that are not loaded catch up by generation. */
export function* archTlbbatchFlush(cpu: Cpu, batch: UnmapBatch): Path<void> {
  const { kernel } = cpu;
  preemptDisable(cpu);
  const targets: CpuId[] = [];
  for (let k = 0; k < cpu.geometry.maskWords; k++) {
    cpusOf(cpu.geometry, batch.cpumask.own(cpu.current, k), k, targets);
    batch.cpumask.put(cpu.current, 0, k);
  }
  const newTlbGen = TLB_GENERATION_INVALID;
  getFlushTlbInfo(cpu, { mm: ANY_MM, start: 0, end: TLB_FLUSH_ALL, freedTables: false, newTlbGen, trim: false });
  if (targets.some((id) => id !== cpu.id)) {
    yield* kernel.flushTlbMulti(cpu, targets);
  } else if (targets.length > 0) {
    localIrqSave(cpu);
    yield* kernel.runFlushLocally(cpu);
    localIrqRestore(cpu);
  }
  putFlushTlbInfo(cpu);
  yield* preemptEnable(cpu);
}

/**
 * For walkers that are about to judge PTEs of `mm`: if reclaim postponed a flush of this mm, flush it now, because an empty
 * PTE may still be cached. Caller holds the PTL. Only what was pending when the mark was read is retired.
 */
export function* flushTlbBatchedPending(cpu: Cpu, mm: MmId): Path<void> {
  const { tlbFlushBatched } = cpu.mm;
  if (cpu.at(PTL_HELD, tlbFlushBatched.at(mm))) yield;
  const batch = tlbFlushBatched.load(mm);
  const pending = batch & PENDING_MASK;
  if (pending === batch >> FLUSHED_SHIFT) return;
  yield* cpu.kernel.archFlushTlbBatchedPending(cpu, mm);
  if (cpu.at(PENDING_FLUSHED, tlbFlushBatched.at(mm))) yield;
  tlbFlushBatched.cas(mm, batch, pending | (pending << FLUSHED_SHIFT));
}

/** Linux: arch/x86 arch_flush_tlb_batched_pending(): all of the mm, because nobody knows which entries. */
export function* archFlushTlbBatchedPending(cpu: Cpu, mm: MmId): Path<void> {
  yield* cpu.kernel.flushTlbMm(cpu, mm);
}
