/** The words of LUF with one global generation (v11): what it adds to task_struct, struct page, and mm/rmap.c. */
import type { Geometry } from '../hardware/geometry.ts';
import type { Pfn } from '../hardware/types.ts';
import type { TaskId } from '../kernel/types.ts';
import { table } from '../memory/table.ts';

const privateTask = { private: 'task' } as const;
const underLock = { guardedBy: 'lock' } as const;
const tasks = (g: Geometry): number => g.cpus + g.tasks;
const mask = (g: Geometry): number => g.maskWords;

/** Linux: struct tlbflush_unmap_batch, as the kernel's own `tlbUbc`. */
export const TASK_BATCH = {
  cpumask: { owner: privateTask, width: mask },
  flushRequired: privateTask,
  writable: privateTask,
} as const;

/** tlb_ubc_ro: read-only entries of the folio whose mappings are being walked. */
export const TLB_UBC_RO = table<TaskId, Geometry>()('tlbUbcRo', tasks, TASK_BATCH);
/** tlb_ubc_luf: folios found eligible, not handed on yet. */
export const TLB_UBC_LUF = table<TaskId, Geometry>()('tlbUbcLuf', tasks, TASK_BATCH);

/** What else the task keeps; the last four stand for arguments, results and locals of the published functions. */
export const LUF_TASK = table<TaskId, Geometry>()('lufTask', tasks, {
  /** The latest generation of the frames it has taken off a free list and not used yet. */
  ugen: privateTask,
  /** 1 while no writable entry was met in the walk. */
  canLuf: privateTask,
  /** What the last try_to_unmap() or try_to_migrate() returned. */
  eligible: privateTask,
  /** The generation with which migrate_folio_done() frees. */
  moveDebt: privateTask,
  /** 1 in a branch of the fault handler that flushes once the PTL is dropped. */
  luf: privateTask,
  /** Folios behind tlb_ubc_luf: for the counters only. */
  folios: privateTask,
});

/** page->private of a free frame: the generation whose flush it owes; 0 if none. Whoever holds the frame alone touches it. */
export const LUF_PAGE = table<Pfn, Geometry>()('lufPage', (g) => g.frames, { ugen: 'shared' });

/** The globals of mm/rmap.c. Generations have 16 bits, 0 is invalid. */
export const LUF = table<number, Geometry>()('luf', () => 1, {
  /** luf_lock, a spinlock. */
  lock: 'shared',
  /** luf_ubc: CPUs that owe a flush. */
  ubcCpumask: { owner: underLock, width: mask },
  ubcFlushRequired: underLock,
  ubcWritable: underLock,
  /** Tasks between the start and the end of a flush. */
  onFlushing: underLock,
  /** 1 while a demanded flush is under way: a second demand waits. */
  lufOnFlushing: underLock,
  /** Generation of the newest request. */
  lufGen: underLock,
  /** The generation before luf_gen_next, so that a boot image of zeros means luf_gen_next = 1. */
  lufGenBeforeNext: underLock,
  /** Newest generation whose flush is done; written under the lock, read without. */
  lufGenDone: 'shared',
  /** Flushes put off and frames that wait for them: for the counters, and for the limit of luf-coordinated. */
  debts: underLock,
  debtFrames: underLock,
  /** CPUs whose timer has fired an odd number of times since the oldest of these flushes was put off: luf-coordinated only. */
  debtTicked: { owner: underLock, width: mask },
});

export const LUF_TABLES = [TLB_UBC_RO, TLB_UBC_LUF, LUF_TASK, LUF_PAGE, LUF] as const;
