/**
 * LUF v11 with a coordinator that bounds what is owed: whoever brings the frames that wait for a flush over the limit pays for all
 * of them when its batch is done. Ours. It changes when flushes happen, not what they cover: what convicts v11 convicts this, too.
 */
import { MAINLINE } from '../kernel/kernel.ts';
import { payOverLimit } from './luf-coordinator.ts';
import { LUF_TABLES } from './luf-tables.ts';
import { LUF_FLUSH_POINTS, LUF_ROUTINES, lufV11 } from './luf-v11.ts';
import { definePolicy } from './policy.ts';

export const lufCoordinated = definePolicy({
  name: 'luf-coordinated',
  says: 'luf-v11, and everything put off is flushed once an eighth of all frames wait for it: bounded debt, not safer',
  base: 'mainline 6.10-rc',
  gates: lufV11.gates,
  tables: LUF_TABLES,
  flushPoints: {
    ...LUF_FLUSH_POINTS,
    pressure: {
      says: 'reclaim or migration is done with a batch and too many frames wait for a flush: everything put off so far',
      *shrinkFolioList(cpu, folios) {
        const freed = yield* MAINLINE.shrinkFolioList(cpu, folios);
        yield* payOverLimit(cpu, cpu.geometry.frames >> 3);
        return freed;
      },
      *migrateRange(cpu, file, index, pages, mode, node) {
        const moved = yield* MAINLINE.migrateRange(cpu, file, index, pages, mode, node);
        yield* payOverLimit(cpu, cpu.geometry.frames >> 3);
        return moved;
      },
      *migrateMmRange(cpu, task, from, pages, mode) {
        const moved = yield* MAINLINE.migrateMmRange(cpu, task, from, pages, mode);
        yield* payOverLimit(cpu, cpu.geometry.frames >> 3);
        return moved;
      },
    },
  },
  ...LUF_ROUTINES,
});
