/** The words of the kernel: what Linux keeps in mm_struct, vm_area_struct, struct page, per-CPU areas and task_struct. */
import type { Geometry } from '../hardware/geometry.ts';
import type { CpuId, Pfn } from '../hardware/types.ts';
import { table } from '../memory/table.ts';
import { HOTPLUG_TABLES } from './cpuhp/tables.ts';
import { DEVICE_MEMORY } from './drivers/tables.ts';
import { UPROBE } from './events/tables.ts';
import { DISK, INODE, NFS_INODE, NFS_SERVER, PAGE_CACHE } from './fs/tables.ts';
import { ANON_VMA, SWAP, SWAP_DISK } from './mm/swap-tables.ts';
import { KERNEL_PAGES, PCP, PGDAT, ZONE } from './mm/zone-tables.ts';
import { SOFTNET } from './net/tables.ts';
import { KTHREAD } from './sched/kthread.ts';
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
  /** Where its private memory is listed: see mm/anon-vma.ts. 0 on a machine without swap. */
  anonVma: 'once',
  tlbGen: 'shared',
  cpumask: mask,
  /** rw_semaphore, see locking/rwsem.ts: 0 free, n > 0 readers, -1 a writer; other values while tasks wait. */
  mmapLock: 'shared',
  /** Task that holds mmapLock for writing, plus one. Lies right behind mmapLock: rwsem.ts reaches it from there. */
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
  /** Linux map_count: VMAs in the tree. */
  mapCount: { guardedBy: ['mmapLock', 'treeSeq'] },
  /** Stands for the maple tree: rows of `vma` in ascending order of address, `mapCount` of them. */
  vmaTree: { owner: { guardedBy: ['mmapLock', 'treeSeq'] }, width: (g: Geometry) => g.vmas },
});

const vmaGuards = [
  { via: 'mm', table: 'mm', lock: 'mmapLock' },
  { via: 'mm', table: 'mm', lock: 'treeSeq' },
  'vmRefcnt',
] as const;
/** Where a mapping lies is found from the file, too (Linux: i_mmap), and from its anonymous folios. */
const placeGuards = [
  ...vmaGuards,
  { via: 'object', table: 'inode', lock: 'iMmapRwsem', optional: true },
  { via: 'anonVma', table: 'anonVma', lock: 'rwsem', optional: true },
] as const;

/**
 * Linux: struct vm_area_struct. To change a field: mmapLock for writing, inside a treeSeq section, with the VMA marked;
 * readers under the per-VMA lock hold `vmRefcnt` shared.
 */
export const VMA = table<VmaId, Geometry>()('vma', (g) => g.vmas, {
  /** Row of the mm it belongs to. Kept when the row is freed: rows are reused type-safe (SLAB_TYPESAFE_BY_RCU). */
  mm: 'shared',
  /** First page and first page after. */
  start: { guardedBy: placeGuards },
  end: { guardedBy: placeGuards },
  flags: { guardedBy: vmaGuards },
  /** Linux vm_file: the mapped file; 0 for anonymous memory. Never changes while the VMA is in the tree. */
  object: 'once',
  /** Of private mappings, on machines with swap. */
  anonVma: 'once',
  /** Linux vm_pgoff: page of the object mapped at `start`; for anonymous memory the page number at mmap, kept by moves. */
  pgoff: { guardedBy: placeGuards },
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
  /** PG_locked: 0, or the task that holds the folio lock plus one. */
  lock: 'shared',
  /** File whose page cache holds the folio; 0: anonymous, or none. */
  mapping: { guardedBy: 'lock' },
  /** Page of that file. */
  index: { guardedBy: 'lock' },
  /** Of an anonymous folio (Linux keeps both in mapping and index): where its mappings are listed, and under which page. */
  anonVma: 'once',
  anonIndex: 'once',
  /** Slot under which the swap cache holds the folio; 0: none. */
  swap: { guardedBy: 'lock' },
  /** Page-table lock of the table in this frame: 0 free, else holder CPU + 1. */
  ptl: 'shared',
});

/** Linux: the kmem_caches of mm_struct, vm_area_struct and inodes: see mm/slab.ts for the rows. All zeros: all rows free. */
export const SLAB = table<number, Geometry>()('slab', () => 3, {
  lock: 'shared',
  /** Rows 1 to `used` were handed out at least once. */
  used: { guardedBy: 'lock' },
  /** Objects handed out since boot: the source of ctx_id, which is never reused. */
  serial: { guardedBy: 'lock' },
  nrFree: { guardedBy: 'lock' },
  /** Rows given back, most recent on top. */
  free: { owner: { guardedBy: 'lock' }, width: (g: Geometry) => Math.max(g.vmas, g.mms, g.files) + 1 },
});

/** Linux: struct tlb_state and tlb_state_shared, per CPU. */
export const TLB_STATE = table<CpuId, Geometry>()('tlbState', (g) => g.cpus, {
  loadedMm: { writtenBy: 'cpu' },
  loadedMmAsid: privateCpu,
  isLazy: { writtenBy: 'cpu' },
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
  /** 1 if CPUs that no longer use the mm are to leave its cpumask. */
  trim: { guardedBy: 'owner' },
});

/** Linux: kernel/smp.c, call_single_data of each (initiator, target) pair and the queue of each target. */
export const CSD = table<CpuId, Geometry>()('csd', (g) => g.cpus, {
  /** Word t: 1 while the call of this initiator to CPU t has not been run. */
  locked: { owner: 'shared', width: (g: Geometry) => g.cpus },
  /** Word t: what CPU t is to run, a CALL_* number (see smp/call-function.ts). Written before the call is queued. */
  func: { owner: 'once', width: (g: Geometry) => g.cpus },
  /** Queue of this CPU as target: bit i of the mask is set while CPU i has a call queued. */
  queue: mask,
});

/** A task's words belong to the run queue of the CPU it is on. */
const rqLock = { guardedBy: { via: 'cpu', table: 'rq', lock: 'lock' } } as const;

/** Linux: struct task_struct. */
export const TASK = table<TaskId, Geometry>()('task', (g) => g.cpus + g.tasks, {
  /** CPU whose run queue it belongs to, asleep or not. Changes under the lock of the old one; lock it, then look again. */
  cpu: 'shared',
  /** TASK_RUNNING, TASK_SLEEPING, TASK_DEAD. */
  state: rqLock,
  /** 1 while it sits on a run queue or runs. */
  onRq: rqLock,
  /** 1 while some CPU executes it. */
  onCpu: rqLock,
  /** 1 while all it does is wait for a word: it keeps its CPU only as long as no other task wants it. */
  polling: rqLock,
  /** WAKE_* bits of wakes that came before their sleep. */
  wakePending: rqLock,
  /** The WAKE_* bit that ends its sleep. */
  sleepsFor: rqLock,
  /** 0 is normal; 1 runs before 0. */
  priority: 'once',
  /** Its mm (0 for kernel threads, and after exit_mm). */
  mm: 'once',
});

/** Linux: struct rq and the preemption words of a CPU. */
export const RQ = table<CpuId, Geometry>()('rq', (g) => g.cpus, {
  lock: 'shared',
  /** Task that runs here. */
  curr: { guardedBy: 'lock' },
  /** Tasks that are runnable and do not run, first come first. */
  nrQueued: { guardedBy: 'lock' },
  queue: { owner: { guardedBy: 'lock' }, width: (g: Geometry) => g.tasks },
  /** TIF_NEED_RESCHED of the running task: set by whoever holds the lock, awaited by the idle task. */
  needResched: { guardedBy: 'lock' },
  /** The task that just left in order to move to another CPU, plus one, and that CPU. */
  moving: { guardedBy: 'lock' },
  movingTo: { guardedBy: 'lock' },
  /** 1 if others waited here when the running task was switched to. */
  crowded: privateCpu,
  /** mm whose tables the running task uses: its own, or for kernel threads and the idle task a borrowed one. */
  activeMm: privateCpu,
  /** A borrowed mm whose reference is dropped once the switch away from it is complete; 0 if none. */
  prevMm: privateCpu,
  /** Depth of spinlocks and other preempt_disable(); HARDIRQ_OFFSET is added in interrupt handlers. */
  preemptCount: privateCpu,
  /** needResched as far as this CPU has noticed (the folded bit of __preempt_count): looked at where preemption is enabled. */
  preemptNeedResched: privateCpu,
});

/** Tasks that sleep for an rwsem, first come first: one queue for all of them. */
export const PARKING = table<number, Geometry>()('parking', () => 1, {
  lock: 'shared',
  count: { guardedBy: 'lock' },
  /** Word of the rwsem, task, and whether it wants to write. */
  sem: { owner: { guardedBy: 'lock' }, width: (g: Geometry) => g.tasks },
  task: { owner: { guardedBy: 'lock' }, width: (g: Geometry) => g.tasks },
  writer: { owner: { guardedBy: 'lock' }, width: (g: Geometry) => g.tasks },
});

/** Linux: kernel/rcu, per CPU. */
export const RCU = table<CpuId, Geometry>()('rcu', (g) => g.cpus, {
  /** Raised by 2 at each quiescent state; odd while the CPU is idle. Others read it to learn that a grace period is over. */
  quiescent: { writtenBy: 'cpu' },
  /** 1 while this CPU may have callbacks waiting. */
  hasCallbacks: privateCpu,
  /** 1 if this CPU has ever begun an expedited grace period. Nothing of the kernel depends on it: see rcu/meaning.ts. */
  hasExpedited: privateCpu,
});

/** Linux: the callback lists of kernel/rcu, one for all CPUs; a callback frees a page table. */
export const RCU_STATE = table<number, Geometry>()('rcuState', () => 1, {
  lock: 'shared',
  /** Frames whose grace period has not begun, as a list linked by frame; 0 ends it. */
  next: { guardedBy: 'lock' },
  nrNext: { guardedBy: 'lock' },
  /** Frames that wait for the present grace period. */
  waiting: { guardedBy: 'lock' },
  /** quiescent of each CPU when the grace period began. */
  snapshot: { owner: { guardedBy: 'lock' }, width: (g: Geometry) => g.cpus },
  link: { owner: { guardedBy: 'lock' }, width: (g: Geometry) => g.frames },
});

/** Linux: struct tlbflush_unmap_batch, in the task. */
export const TLB_UBC = table<TaskId, Geometry>()('tlbUbc', (g) => g.cpus + g.tasks, {
  cpumask: { owner: privateTask, width: (g: Geometry) => g.maskWords },
  flushRequired: privateTask,
  /** 1 if a PTE of the batch was dirty: its page may still be written through a TLB. */
  writable: privateTask,
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
  hintFaults: privateCpu,
  promoted: privateCpu,
  demoted: privateCpu,
});

/** Every table of the kernel in the order in which the image holds them. */
export const KERNEL_TABLES = {
  mm: MM,
  vma: VMA,
  folio: FOLIO,
  inode: INODE,
  pageCache: PAGE_CACHE,
  disk: DISK,
  nfsInode: NFS_INODE,
  nfsServer: NFS_SERVER,
  anonVma: ANON_VMA,
  swap: SWAP,
  swapDisk: SWAP_DISK,
  slab: SLAB,
  zone: ZONE,
  pgdat: PGDAT,
  pcp: PCP,
  kernelPages: KERNEL_PAGES,
  softnet: SOFTNET,
  tlbState: TLB_STATE,
  flushInfo: FLUSH_INFO,
  csd: CSD,
  tasks: TASK,
  rq: RQ,
  kthread: KTHREAD,
  parking: PARKING,
  rcu: RCU,
  rcuState: RCU_STATE,
  tlbUbc: TLB_UBC,
  kcount: KERNEL_COUNTERS,
  uprobe: UPROBE,
  deviceMemory: DEVICE_MEMORY,
  ...HOTPLUG_TABLES,
} as const;
