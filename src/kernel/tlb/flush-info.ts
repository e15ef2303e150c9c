/**
 * Linux: arch/x86/mm/tlb.c, struct flush_tlb_info and get_flush_tlb_info(): one record per CPU, filled before a request is
 * sent.
 */
import type { CpuId } from '../../hardware/types.ts';
import type { Cpu } from '../cpu.ts';
import { assertPreemptionOff } from '../locking/preempt.ts';
import type { MmId } from '../types.ts';

/** `end` of a flush of the whole address space. Larger than any page number. */
export const TLB_FLUSH_ALL = 2 ** 40;
/** `mm` of a flush of whatever is loaded (batched unmap). */
export const ANY_MM = -1 as MmId;
/** Request value of "no generation". */
export const TLB_GENERATION_INVALID = 0;

export interface FlushRange {
  readonly mm: MmId;
  readonly start: number;
  /** First page after the range, or TLB_FLUSH_ALL. */
  readonly end: number;
  /** Page tables were freed: lazy CPUs must hear of it too, because they may still walk them. */
  readonly freedTables: boolean;
  readonly newTlbGen: number;
  /** Ask CPUs that no longer use the mm to leave its cpumask. */
  readonly trim: boolean;
}

/**
 * Fills this CPU's record; a range above the ceiling (Linux: tlb_single_page_flush_ceiling) becomes a full flush. Preemption
 * stays off until `putFlushTlbInfo`; there is one record, so flushes do not nest.
 */
export function getFlushTlbInfo(cpu: Cpu, range: FlushRange): void {
  assertPreemptionOff(cpu, 'flush record filled');
  const { flushInfo } = cpu;
  const me = cpu.id;
  cpu.mem.acquired(flushInfo.owner.at(me), true);
  const full = range.end - range.start > cpu.geometry.flushCeiling;
  flushInfo.mm.store(me, range.mm);
  flushInfo.start.store(me, full ? 0 : range.start | 0);
  flushInfo.end.store(me, full ? 0 : range.end | 0);
  flushInfo.full.store(me, full ? 1 : 0);
  flushInfo.newTlbGen.store(me, range.newTlbGen);
  flushInfo.freedTables.store(me, range.freedTables ? 1 : 0);
  flushInfo.trim.store(me, range.trim ? 1 : 0);
}

/** Linux put_flush_tlb_info(): the request is over, no target reads the record any more. */
export function putFlushTlbInfo(cpu: Cpu): void {
  cpu.mem.released(cpu.flushInfo.owner.at(cpu.id));
}

/** Pages of the range in the record of `initiator`; right even where the end of the address space wraps to 0. */
export function flushPages(cpu: Cpu, initiator: CpuId): number {
  const { start, end } = cpu.flushInfo;
  return (end.load(initiator) - start.load(initiator)) >>> 0;
}
