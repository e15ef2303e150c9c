/**
 * LUF v12 with one assignment more: whoever adds CPUs to the batch of an mm or a mapping raises its flush_required, which fold_batch()
 * asks for. Ours, to tell what that assignment is for from what is behind it; every other step is as posted.
 */
import type { Cpu } from '../kernel/cpu.ts';
import type { MmId } from '../kernel/types.ts';
import type { Path } from '../memory/point.ts';
import { LUF12_FLUSH_POINTS, LUF12_ROUTINES, lufV12 } from './luf-v12.ts';
import { foldLufBatchMm, type LufBatchColumns } from './luf12-batch.ts';
import { recorder } from './luf12-record.ts';
import { LUF12_TABLES } from './luf12-tables.ts';
import { definePolicy } from './policy.ts';

function* foldAndRequire(cpu: Cpu, lb: LufBatchColumns, row: number, mm: MmId): Path<void> {
  yield* foldLufBatchMm(cpu, lb, row, mm);
  yield* cpu.kernel.writeLockIrqsave(cpu, lb.lock.at(row));
  lb.flushRequired.store(row, 1);
  yield* cpu.kernel.writeUnlockIrqrestore(cpu, lb.lock.at(row));
}

export const lufV12Flag = definePolicy({
  name: 'luf-v12-flag',
  says: 'luf-v12 with the flag raised beside the mask of an mm or mapping: its demands flush, which those of luf-v12 do not',
  base: 'mainline 6.14-rc4',
  gates: lufV12.gates,
  tables: LUF12_TABLES,
  flushPoints: LUF12_FLUSH_POINTS,
  ...LUF12_ROUTINES,
  setTlbUbcFlushPending: recorder(foldAndRequire),
});
