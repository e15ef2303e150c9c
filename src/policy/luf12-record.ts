/**
 * LUF v12 while the mappings of a folio are undone (mm/rmap.c): which entries go where, and the request that the mm and the mapping
 * get at once; at the end of a batch what is eligible gets a key.
 */
import { PTE_D, pteWrite } from '../hardware/pte.ts';
import type { Pfn, PteLo } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { type Kernel, MAINLINE } from '../kernel/kernel.ts';
import { PG_ANON } from '../kernel/mm/folio.ts';
import type { RmapPlace } from '../kernel/mm/i-mmap.ts';
import { type FileId, type MmId, NO_FILE } from '../kernel/types.ts';
import { type Path, point } from '../memory/point.ts';
import { addPendingTo } from './luf-batch.ts';
import {
  archTlbbatchDone,
  foldBatch,
  foldLuf,
  type foldLufBatchMm,
  resetBatch,
  ubc,
  ubcLuf,
  ubcRo,
} from './luf12-batch.ts';
import { LUF_BATCHES, LUF12_TASK, MAPPING_LUF_BATCH, MM_LUF_BATCH } from './luf12-tables.ts';
import { newLufKey, newLufUgen } from './luf12-ugen.ts';

export const WHOSE = point('canLufInit: folio without a mapping, is it anonymous?');

/**
 * Linux: can_luf_init(): not with init_on_free, which changes the content of a free frame. Left out: what this kernel does not have
 * (page poisoning, large pages, devices).
 */
function* canLufInit(cpu: Cpu, folio: Pfn): Path<void> {
  const { canLuf, mapping } = cpu.wordsOf(LUF12_TASK);
  const file = cpu.folio.mapping.load(folio);
  let can = file !== NO_FILE;
  if (!can) {
    if (cpu.at(WHOSE, cpu.folio.flags.at(folio))) yield;
    can = (cpu.folio.flags.load(folio) & PG_ANON) !== 0;
  }
  mapping.put(cpu.current, file);
  canLuf.put(cpu.current, can && !cpu.switches.initOnFree ? 1 : 0);
}

/** can_luf_fail(). */
function canLufFail(cpu: Cpu): void {
  cpu.wordsOf(LUF12_TASK).canLuf.put(cpu.current, 0);
}

/** After the walk: the read-only entries join the batch that their flush belongs to. */
function foldWalk(cpu: Cpu): void {
  const { canLuf, eligible } = cpu.wordsOf(LUF12_TASK);
  const can = canLuf.own(cpu.current);
  foldBatch(cpu, can !== 0 ? ubcLuf(cpu) : ubc(cpu), ubcRo(cpu), true);
  eligible.put(cpu.current, can);
}

/** Linux: try_to_unmap(), which returns can_luf. Caller holds the folio lock. */
export function* tryToUnmap(cpu: Cpu, folio: Pfn, flags: number): Path<void> {
  yield* canLufInit(cpu, folio);
  yield* MAINLINE.tryToUnmap(cpu, folio, flags);
  foldWalk(cpu);
}

/** Linux: try_to_migrate(), which returns can_luf. Caller holds the folio lock. */
export function* tryToMigrate(cpu: Cpu, folio: Pfn, flags: number): Path<void> {
  yield* canLufInit(cpu, folio);
  yield* MAINLINE.tryToMigrate(cpu, folio, flags);
  foldWalk(cpu);
}

/** Linux: try_to_unmap_one(): a walk given up on one VMA disqualifies the folio. */
export function* tryToUnmapOne(cpu: Cpu, folio: Pfn, place: RmapPlace, flags: number): Path<boolean> {
  const went = yield* MAINLINE.tryToUnmapOne(cpu, folio, place, flags);
  if (!went) canLufFail(cpu);
  return went;
}

/** Linux: try_to_migrate_one(). */
export function* tryToMigrateOne(cpu: Cpu, folio: Pfn, place: RmapPlace, flags: number): Path<boolean> {
  const went = yield* MAINLINE.tryToMigrateOne(cpu, folio, place, flags);
  if (!went) canLufFail(cpu);
  return went;
}

/**
 * Linux: set_tlb_ubc_flush_pending(), with `foldMm` as its fold_luf_batch_mm(). can_luf_vma() asks for a VM_SHARED VMA without vm_file
 * and never finds one: shared anonymous memory has the file of shmem_zero_setup(), so it is put off like any other.
 */
export function recorder(foldMm: typeof foldLufBatchMm): Kernel['setTlbUbcFlushPending'] {
  /** Caller holds the PTL under which `old` was cleared. */
  return function* setTlbUbcFlushPending(cpu: Cpu, mm: MmId, old: PteLo): Path<void> {
    const { kernel, current: me } = cpu;
    const { canLuf, mapping } = cpu.wordsOf(LUF12_TASK);
    if (!(yield* kernel.pteAccessible(cpu, mm, old))) return;
    if (pteWrite(old)) canLufFail(cpu);
    let target = ubc(cpu);
    if (canLuf.own(me) !== 0) {
      target = ubcRo(cpu);
      yield* foldMm(cpu, cpu.wordsOf(MM_LUF_BATCH), mm, mm);
      const file = mapping.own(me) as FileId;
      if (file !== NO_FILE) yield* foldMm(cpu, cpu.wordsOf(MAPPING_LUF_BATCH), file, mm);
    }
    yield* addPendingTo(cpu, target.of.cpumask, me, mm);
    target.of.flushRequired.put(me, 1);
    yield* kernel.tlbFlushBatchedAdd(cpu, mm);
    if ((old & PTE_D) !== 0) target.of.writable.put(me, 1);
  };
}

/**
 * Linux: fold_unmap_luf(), always followed by try_to_unmap_flush(): what is eligible becomes a request in luf_batch[], whose key is
 * returned; 0 if that flush will cover it.
 */
export function* foldUnmapLuf(cpu: Cpu): Path<number> {
  const { kernel } = cpu;
  const luf = ubcLuf(cpu);
  const { flushRequired, writable } = luf.of;
  if (flushRequired.own(luf.row) === 0) return 0;
  if (archTlbbatchDone(cpu, luf, ubc(cpu))) {
    flushRequired.put(luf.row, 0);
    writable.put(luf.row, 0);
    return 0;
  }
  const ugen = yield* newLufUgen(cpu);
  const key = yield* newLufKey(cpu);
  const { lock } = cpu.wordsOf(LUF_BATCHES);
  yield* kernel.writeLockIrqsave(cpu, lock.at(key));
  yield* foldLuf(cpu, key, luf, ugen);
  yield* kernel.writeUnlockIrqrestore(cpu, lock.at(key));
  resetBatch(cpu, luf);
  // mainline would have sent this flush here, unless something else is flushed anyway
  if (cpu.tlbUbc.flushRequired.own(cpu.current) === 0) cpu.count(cpu.kcount.deferred);
  return key;
}
