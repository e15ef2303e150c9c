/**
 * LUF v11 with a coordinator that bounds what is owed, and for how long: a kernel thread pays for everything put off once too
 * many frames wait, or once the oldest of them has waited for a tick. Ours. It changes when flushes happen, not what they cover:
 * what convicts v11 convicts this, too.
 */
import { MAINLINE } from '../kernel/kernel.ts';
import { auditLuf } from './luf-audit.ts';
import { lufPressure, lufTick } from './luf-background.ts';
import { lufFlush } from './luf-coordinator.ts';
import { LUF_TABLES } from './luf-tables.ts';
import { LUF_FLUSH_POINTS, LUF_ROUTINES, lufV11 } from './luf-v11.ts';
import { definePolicy } from './policy.ts';

export const lufCoordinated = definePolicy({
  name: 'luf-coordinated',
  says: 'luf-v11, and a thread flushes what was put off, once an eighth of all frames wait or a tick has passed: bounded, not safer',
  base: 'mainline 6.10-rc',
  gates: {
    ...lufV11.gates,
    frameReuse: 'flushed before a frame leaves the allocator for a new owner, or earlier in the background',
  },
  tables: LUF_TABLES,
  audit: auditLuf,
  threads: {
    lufFlusher: {
      says: 'everything put off so far is flushed',
      // as a workqueue of high priority: while it waits for its turn the debt grows
      priority: 1,
      run: lufFlush,
    },
  },
  flushPoints: {
    ...LUF_FLUSH_POINTS,
    pressure: {
      says: 'reclaim or migration is done with a batch, too many frames wait: the thread flushes; twice as many: whoever is there does',
      *shrinkFolioList(cpu, folios) {
        const freed = yield* MAINLINE.shrinkFolioList(cpu, folios);
        yield* lufPressure(cpu);
        return freed;
      },
      *doMovePagesToNode(cpu, folios, how) {
        const moved = yield* MAINLINE.doMovePagesToNode(cpu, folios, how);
        yield* lufPressure(cpu);
        return moved;
      },
      *migrateMisplacedFolio(cpu, folio, node) {
        const moved = yield* MAINLINE.migrateMisplacedFolio(cpu, folio, node);
        yield* lufPressure(cpu);
        return moved;
      },
    },
    timer: {
      says: 'a timer interrupt, the second of its CPU since the oldest flush put off: the thread flushes',
      *schedTick(cpu) {
        yield* MAINLINE.schedTick(cpu);
        yield* lufTick(cpu);
      },
    },
  },
  ...LUF_ROUTINES,
});
