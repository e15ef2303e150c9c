/**
 * What LUF is credited with. A flush that mainline would have sent at the end of a batch counts as deferred only if nothing else
 * is flushed there; in the end one flush demanded pays for all of them (one is sent, the others are `avoided`), or a flush
 * for other entries has covered them (`merged`). What is left when the run ends is none of these.
 */
import type { Cpu } from '../kernel/cpu.ts';
import { LUF, LUF_TASK } from './luf-tables.ts';

const ONE = 0;

/** The eligible part of a batch has become a debt. Caller holds luf_lock. */
export function debtAdded(cpu: Cpu): void {
  const luf = cpu.wordsOf(LUF);
  const task = cpu.wordsOf(LUF_TASK);
  const { peakDebtFrames, deferred } = cpu.kcount;
  const frames = luf.debtFrames.load(ONE) + task.folios.own(cpu.current);
  task.folios.put(cpu.current, 0);
  luf.debtFrames.store(ONE, frames);
  peakDebtFrames.put(cpu.id, Math.max(peakDebtFrames.own(cpu.id), frames));
  if (cpu.tlbUbc.flushRequired.own(cpu.current) !== 0) return;
  luf.debts.store(ONE, luf.debts.load(ONE) + 1);
  cpu.count(deferred);
}

/** One flush is about to pay them all. Caller holds luf_lock. */
export function debtPaid(cpu: Cpu): void {
  const { avoided } = cpu.kcount;
  avoided.put(cpu.id, avoided.own(cpu.id) + Math.max(0, debtsGone(cpu) - 1));
}

/** A flush for other entries has covered them all. Caller holds luf_lock. */
export function debtMerged(cpu: Cpu): void {
  const { merged } = cpu.kcount;
  merged.put(cpu.id, merged.own(cpu.id) + debtsGone(cpu));
}

function debtsGone(cpu: Cpu): number {
  const luf = cpu.wordsOf(LUF);
  const debts = luf.debts.load(ONE);
  luf.debts.store(ONE, 0);
  luf.debtFrames.store(ONE, 0);
  for (let k = 0; k < cpu.geometry.maskWords; k++) luf.debtTicked.store(ONE, 0, k);
  return debts;
}
