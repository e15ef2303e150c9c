/** The words of the kernel: what Linux keeps in mm_struct, vm_area_struct, struct page, per-CPU areas and task_struct. */
import type { Geometry } from '../hardware/geometry.ts';
import type { CpuId, Pfn } from '../hardware/types.ts';
import { table } from '../memory/table.ts';
import type { MmId, TaskId, VmaId } from './types.ts';

const mask = { owner: 'shared', width: (g: Geometry) => g.maskWords } as const;
const privateCpu = { private: 'cpu' } as const;
const privateTask = { private: 'task' } as const;

/** Linux: struct mm_struct. */
export const MM = table<MmId, Geometry>()('mm', (g) => g.mms + 1, {
  /** mm_users: tasks that live in it. 0: row free. */
  users: 'shared',
  /** mm_count: references that keep the struct and its root table (all users together hold one; each lazy CPU holds one). */
  count: 'shared',
  /** Never reused; 0 is invalid. */
  ctxId: 'once',
  /** Frame of the root table. */
  pgd: 'once',
  tlbGen: 'shared',
  cpumask: mask,
  /** rw_semaphore: 0 free, n > 0 readers, -1 a writer. */
  mmapLock: 'shared',
  /** Task that holds mmapLock for writing, plus one. */
  mmapLockOwner: { guardedBy: 'mmapLock' },
  /** Raised when a writer drops or downgrades mmapLock: ends the write marks of all VMAs. */
  mmLockSeq: 'shared',
  /** Sequence of changes to the VMA tree; odd while a writer changes it. Lockless look-ups hold it shared for their one step. */
  treeSeq: 'shared',
  /** Number of mmu_gathers and similar operations with a flush outstanding. */
  tlbFlushPending: 'shared',
  /** Two 16-bit counts of batched unmaps: pending (low) and flushed (high). */
  tlbFlushBatched: 'shared',
  /** Pages mapped by VMAs. */
  totalVm: { guardedBy: 'mmapLock' },
});

const vmaGuards = [
  { via: 'mm', table: 'mm', lock: 'mmapLock' },
  { via: 'mm', table: 'mm', lock: 'treeSeq' },
] as const;

/** Linux: struct vm_area_struct. To change a field: mmapLock for writing, inside a treeSeq section. */
export const VMA = table<VmaId, Geometry>()('vma', (g) => g.vmas, {
  /** Row of the mm it belongs to; 0 means the row is free. */
  mm: 'shared',
  /** First page and first page after. */
  start: { guardedBy: vmaGuards },
  end: { guardedBy: vmaGuards },
  flags: { guardedBy: vmaGuards },
  /** Identity of the mapped object: one per mmap, kept by splits and moves; a fork copies it. */
  object: { guardedBy: vmaGuards },
  /** Readers under the per-VMA lock; a writer adds VMA_LOCK_OFFSET and waits for them. */
  vmRefcnt: 'shared',
  /** Equals the mm's mmLockSeq while a writer has the VMA marked. */
  vmLockSeq: 'shared',
});

/** Linux: struct page / struct folio / struct ptdesc, by frame. */
export const FOLIO = table<Pfn, Geometry>()('folio', (g) => g.frames, {
  refcount: 'shared',
  mapcount: 'shared',
  /** PG_* bits, see folio.ts. */
  flags: 'shared',
  /** Page-table lock of the table in this frame: 0 free, else holder CPU + 1. */
  ptl: 'shared',
});

/** Linux: struct zone, one. Free frames as a stack, most recently freed on top. */
export const ZONE = table<number, Geometry>()('zone', () => 1, {
  lock: 'shared',
  nrFree: { guardedBy: 'lock' },
  free: { owner: { guardedBy: 'lock' }, width: (g: Geometry) => g.frames },
});

/** Linux: struct per_cpu_pages. */
export const PCP = table<CpuId, Geometry>()('pcp', (g) => g.cpus, {
  count: privateCpu,
  list: { owner: privateCpu, width: (g: Geometry) => g.pcpHigh + g.pcpBatch + 1 },
});

/** Linux: struct tlb_state and tlb_state_shared, per CPU. */
export const TLB_STATE = table<CpuId, Geometry>()('tlbState', (g) => g.cpus, {
  loadedMm: 'shared',
  loadedMmAsid: privateCpu,
  isLazy: 'shared',
  nextAsid: privateCpu,
  /** ctxs[asid].ctx_id and ctxs[asid].tlb_gen. */
  ctxId: { owner: privateCpu, width: (g: Geometry) => g.asids },
  ctxTlbGen: { owner: privateCpu, width: (g: Geometry) => g.asids },
});

/** Linux: struct flush_tlb_info, one per initiating CPU. Whoever was handed the request may read it: it travels with the call. */
export const FLUSH_INFO = table<CpuId, Geometry>()('flushInfo', (g) => g.cpus, {
  /** Never touched: held exclusively by the initiator while it fills the record, shared by each target that runs the call. */
  owner: 'shared',
  /** mm, or -1 for a flush of whatever is loaded (batched unmap). */
  mm: { guardedBy: 'owner' },
  start: { guardedBy: 'owner' },
  end: { guardedBy: 'owner' },
  /** 1 if the range is the whole address space. */
  full: { guardedBy: 'owner' },
  newTlbGen: { guardedBy: 'owner' },
  freedTables: { guardedBy: 'owner' },
});

/** Linux: kernel/smp.c, call_single_data of each (initiator, target) pair and the queue of each target. */
export const CSD = table<CpuId, Geometry>()('csd', (g) => g.cpus, {
  /** Word t: 1 while the call of this initiator to CPU t has not been run. */
  locked: { owner: 'shared', width: (g: Geometry) => g.cpus },
  /** What to run: a CALL_* number, see smp.ts. Written before the call is queued, read by targets that were handed it. */
  func: { guardedBy: 'funcOwner' },
  funcOwner: 'shared',
  /** Queue of this CPU as target: bit i of the mask is set while CPU i has a call queued. */
  queue: mask,
});

/** Linux: struct task_struct. */
export const TASK = table<TaskId, Geometry>()('task', (g) => g.cpus + g.tasks, {
  /** TASK_RUNNING, TASK_SLEEPING, TASK_DEAD. */
  state: 'shared',
  /** CPU whose run queue it is on. */
  cpu: 'shared',
  /** 1 while some CPU executes it. */
  onCpu: 'shared',
  /** 1 while it sits on a run queue (or runs). */
  onRq: 'shared',
  priority: 'once',
  /** Its mm (0 for kernel threads). */
  mm: privateTask,
  /** A wake that came before the sleep. */
  wakePending: 'shared',
});

/** Linux: struct rq and the preemption words of a CPU. */
export const RQ = table<CpuId, Geometry>()('rq', (g) => g.cpus, {
  lock: 'shared',
  /** Task that runs here. */
  curr: privateCpu,
  /** mm whose tables a kernel thread or the idle task borrows. */
  activeMm: privateCpu,
  /** TIF_NEED_RESCHED of the running task. */
  needResched: 'shared',
  preemptCount: privateCpu,
});

/** Linux: kernel/rcu: quiescent states and the page tables that wait for them. */
export const RCU = table<CpuId, Geometry>()('rcu', (g) => g.cpus, {
  /** Raised at each quiescent state of this CPU; others read it to learn that a grace period is over. */
  quiescent: 'shared',
  /** 1 while the CPU is idle or in user mode for good: an extended quiescent state. */
  idle: 'shared',
});

/** Counters that only the kernel can know; see `measure` for the JSON names. */
export const KERNEL_COUNTERS = table<CpuId, Geometry>()('kcount', (g) => g.cpus, {
  requests: privateCpu,
  targets: privateCpu,
  skipped: privateCpu,
  handlerRuns: privateCpu,
  handlerFlushed: privateCpu,
  handlerWrongMm: privateCpu,
  handlerAlreadyCurrent: privateCpu,
  deferred: privateCpu,
  avoided: privateCpu,
  merged: privateCpu,
  peakDebtFrames: privateCpu,
});

/** Every table of the kernel in the order in which the image holds them. */
export const KERNEL_TABLES = {
  mm: MM,
  vma: VMA,
  folio: FOLIO,
  zone: ZONE,
  pcp: PCP,
  tlbState: TLB_STATE,
  flushInfo: FLUSH_INFO,
  csd: CSD,
  tasks: TASK,
  rq: RQ,
  rcu: RCU,
  kcount: KERNEL_COUNTERS,
} as const;
