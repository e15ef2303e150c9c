/**
 * The words of LUF v12: what it adds to task_struct, struct page, mm_struct, address_space, struct zone, and mm/rmap.c. An image
 * starts as zeros, so words that Linux initialises with another value hold the difference to it (luf12-ugen.ts).
 */
import type { Geometry } from '../hardware/geometry.ts';
import type { CpuId, Pfn } from '../hardware/types.ts';
import type { FileId, MmId, NodeId, TaskId } from '../kernel/types.ts';
import { table } from '../memory/table.ts';
import { TASK_BATCH, TLB_UBC_LUF, TLB_UBC_RO } from './luf-tables.ts';

const privateTask = { private: 'task' } as const;
const underLock = { guardedBy: 'lock' } as const;
const underZoneLock = { guardedBy: { table: 'zone', lock: 'lock' } } as const;
const tasks = (g: Geometry): number => g.cpus + g.tasks;
const mask = (g: Geometry): number => g.maskWords;

/** tlb_ubc_takeoff: what the frames owe that the task has taken off free lists and not used yet. */
export const TLB_UBC_TAKEOFF = table<TaskId, Geometry>()('tlbUbcTakeoff', tasks, TASK_BATCH);

/** What else the task keeps; the last three stand for arguments, results and locals of the published functions. */
export const LUF12_TASK = table<TaskId, Geometry>()('luf12Task', tasks, {
  /** 1 while nothing was met in the walk that rules LUF out. */
  canLuf: privateTask,
  /** Brackets around takeoffs that forbid a shootdown, and brackets in all. */
  lufNoShootdown: privateTask,
  lufTakeoffStarted: privateTask,
  /** Newest request among the frames taken off; 0: none. */
  lufUgen: privateTask,
  /** The zone generation whose batch this task flushes; 0: none. */
  zoneUgen: privateTask,
  /** The zone generation whose flush by others this task waits for; 0: none. */
  waitZoneUgen: privateTask,
  /** folio_mapping() of the folio whose mappings are being walked. */
  mapping: privateTask,
  /** What the last try_to_unmap() or try_to_migrate() returned. */
  eligible: privateTask,
  /** The key with which migrate_folio_done() frees. */
  moveDebt: privateTask,
});

/** struct luf_batch, its rwlock first. */
const LUF_BATCH = {
  lock: 'shared',
  cpumask: { owner: underLock, width: mask },
  flushRequired: underLock,
  writable: underLock,
  /** Time of the newest request, minus LUF_UGEN_INIT - 1. */
  ugen: underLock,
} as const;

/** luf_batch[], by luf_key. Row 0 is never handed out. */
export const LUF_BATCHES = table<number, Geometry>()('lufBatch', (g) => g.lufKeys, LUF_BATCH);
/** mm->luf_batch. */
export const MM_LUF_BATCH = table<MmId, Geometry>()('mmLufBatch', (g) => g.mms + 1, LUF_BATCH);
/** address_space->luf_batch. */
export const MAPPING_LUF_BATCH = table<FileId, Geometry>()('mappingLufBatch', (g) => g.files + 1, LUF_BATCH);

/** The globals of mm/rmap.c. */
export const LUF12 = table<number, Geometry>()('luf12', () => 1, {
  /** luf_ugen, minus LUF_UGEN_INIT. */
  lufUgen: 'shared',
  /** luf_kgen, minus 1. */
  lufKgen: 'shared',
});

export const LUF12_CPU = table<CpuId, Geometry>()('luf12Cpu', (g) => g.cpus, {
  /** ugen_done, minus LUF_UGEN_INIT - 1. */
  ugenDone: 'shared',
  /** pcp->lock of the list of this CPU, which nobody else takes here: 1 while it is held. */
  pcpLock: { private: 'cpu' },
});

/**
 * The field of struct page that is luf_key on a list of a CPU and zone_ugen, 16 bits of it, in the zone. Whoever holds the
 * frame alone touches it.
 */
export const LUF12_PAGE = table<Pfn, Geometry>()('luf12Page', (g) => g.frames, { keyOrUgen: 'shared' });

/** What struct zone and its one struct free_area (one order, one migratetype) get; free_list is the kernel's own `zone.free`. */
export const LUF12_ZONE = table<NodeId, Geometry>()('luf12Zone', (g) => g.nodes, {
  /** Minus ZONE_UGEN_INIT. */
  zoneUgen: underZoneLock,
  /** Minus ZONE_UGEN_INIT - 1. Written without the lock, by the task whose flush is done. */
  zoneUgenDone: 'shared',
  /** Newest request that came into zone_batch, minus LUF_UGEN_INIT - 1. */
  lufUgen: underZoneLock,
  /** An atomic counter, read without the lock. */
  nrLufPages: 'shared',
  /** pend_list, first frame first. */
  nrPend: underZoneLock,
  pend: { owner: underZoneLock, width: (g: Geometry) => g.frames },
  /** Minus ZONE_UGEN_INIT. */
  pendZoneUgen: underZoneLock,
});

/** zone->zone_batch. */
export const ZONE_BATCH = table<NodeId, Geometry>()('zoneBatch', (g) => g.nodes, {
  cpumask: { owner: underZoneLock, width: mask },
  flushRequired: underZoneLock,
  writable: underZoneLock,
});

export const LUF12_TABLES = [
  TLB_UBC_RO,
  TLB_UBC_LUF,
  TLB_UBC_TAKEOFF,
  LUF12_TASK,
  LUF_BATCHES,
  MM_LUF_BATCH,
  MAPPING_LUF_BATCH,
  LUF12,
  LUF12_CPU,
  LUF12_PAGE,
  LUF12_ZONE,
  ZONE_BATCH,
] as const;
