/** Branded numbers of the kernel layer. */

/** An mm_struct. Row 0 is init_mm: the kernel's own tables, no user mapping. */
export type MmId = number & { readonly brand: 'MmId' };
export const INIT_MM = 0 as MmId;
/** Sentinel in `tlbState.loadedMm` while a CPU is between two address spaces (Linux: LOADED_MM_SWITCHING). */
export const LOADED_MM_SWITCHING = -1;

/** A vm_area_struct. Row 0 is never used, so that 0 can mean "none". */
export type VmaId = number & { readonly brand: 'VmaId' };

/** A file, and its inode and page cache (Linux: struct inode, struct address_space). Row 0 is never used: 0 means "none". */
export type FileId = number & { readonly brand: 'FileId' };
export const NO_FILE = 0 as FileId;

/** A page of a file, as a row of the page cache and of the disk: file * filePages + index. */
export type FilePage = number & { readonly brand: 'FilePage' };

/** An anon_vma. Row 0 is never used: 0 means "none". */
export type AnonVmaId = number & { readonly brand: 'AnonVmaId' };
export const NO_ANON_VMA = 0 as AnonVmaId;

/** A page of the swap device (Linux: swp_entry_t). Slot 0 is never used: 0 means "none". */
export type SwapSlot = number & { readonly brand: 'SwapSlot' };
export const NO_SLOT = 0 as SwapSlot;
/** A memory node (Linux: nid, pg_data_t). Every CPU is in node 0. */
export type NodeId = number & { readonly brand: 'NodeId' };
export const FAST_NODE = 0 as NodeId;
export const SLOW_NODE = 1 as NodeId;
export const NUMA_NO_NODE = -1 as NodeId;

/** A task. Rows 0 to cpus-1 are the idle tasks; the program's tasks follow. */
export type TaskId = number & { readonly brand: 'TaskId' };

/** A dynamic address-space id of one CPU; its PCID is the id plus 1. */
export type Asid = number & { readonly brand: 'Asid' };

export const TASK_RUNNING = 0;
/** Asleep until woken. */
export const TASK_SLEEPING = 1;
/** Not started yet (before its fork) or ended. */
export const TASK_DEAD = 2;

/**
 * Who may end a sleep: the kernel object slept on, `sysWake`, whoever finds a node low, `wakeUpKthread`, or hotplug. A wake of
 * another kind is kept.
 */
export const WAKE_KERNEL = 1;
export const WAKE_USER = 2;
export const WAKE_KSWAPD = 4;
export const WAKE_KTHREAD = 8;
/** Of those who take CPUs down, bring them up or stop them all. */
export const WAKE_CPUHP = 16;

/** Linux: vm_flags, reduced to what the paths test. */
export const VM_READ = 1;
export const VM_WRITE = 2;
export const VM_EXEC = 4;
export const VM_SHARED = 8;
/**
 * Stands for what vma_wants_writenotify() puts into vm_page_prot: of a shared mapping no first store is to be noticed, so that
 * its entries may be writable from the start. Nobody writes memory files back.
 */
export const VM_NO_WRITENOTIFY = 64;
/** Mapped since the last clear of the soft-dirty bits: all its pages count as written to. */
export const VM_SOFTDIRTY = 16;
/** Registered with a userfaultfd for write protection. */
export const VM_UFFD_WP = 32;
/** The entries are raw: no folio behind them. Set by the driver, never by the program. */
export const VM_PFNMAP = 128;

/** Flags of mmap. */
export const MAP_FIXED = 1;
export const MAP_FIXED_NOREPLACE = 2;
export const MAP_POPULATE = 4;

/** Advice of madvise. */
export const MADV_DONTNEED = 4;
export const MADV_FREE = 8;
export const MADV_COLD = 20;
export const MADV_PAGEOUT = 21;

/** Linux: gfp flags: what an allocation may do before it fails; THISNODE: no other node will do; HIGH: dips into the reserve. */
export const GFP_KSWAPD_RECLAIM = 1;
export const GFP_DIRECT_RECLAIM = 2;
export const GFP_THISNODE = 4;
export const GFP_HIGH = 8;
export const GFP_KERNEL = GFP_KSWAPD_RECLAIM | GFP_DIRECT_RECLAIM;
/** For callers that may not sleep. */
/** In what the kernel allocates: a task that may sleep, one with interrupts off, one that holds a spinlock. */
export const IN_TASK = 0;
export const IRQS_OFF = 1;
export const UNDER_SPINLOCK = 2;
export type AllocContext = typeof IN_TASK | typeof IRQS_OFF | typeof UNDER_SPINLOCK;

export const GFP_ATOMIC = GFP_HIGH | GFP_KSWAPD_RECLAIM;

/**
 * Flags of change_protection: entries lose their rights for a while, whatever the mapping allows, so that the next use is
 * noticed.
 */
export const MM_CP_PROT_NUMA = 1;
/** Entries become write-protected for a userfaultfd, or are that no longer. */
export const MM_CP_UFFD_WP = 4;
export const MM_CP_UFFD_WP_RESOLVE = 8;

/** How a list is migrated: asynchronously with one batched flush for the list, or folio by folio, each flushed at once. */
export const MIGRATE_ASYNC = 0;
export const MIGRATE_SYNC = 1;
export type MigrateMode = typeof MIGRATE_ASYNC | typeof MIGRATE_SYNC;

/** Negative results of system calls. */
export const ENOENT = -2;
export const ESRCH = -3;
export const EBADF = -9;
export const EAGAIN = -11;
export const ENOMEM = -12;
export const EACCES = -13;
export const EFAULT = -14;
export const EBUSY = -16;
export const EEXIST = -17;
export const ENODEV = -19;
export const EINVAL = -22;
export const EFBIG = -27;
export const ENOSPC = -28;
/** Instead of 0 bytes: read(2) at the end of a file. */
export const ENODATA = -61;

/** Outcome of a fault: handled (retry the access), or a signal for the task. */
export const FAULT_HANDLED = 0;
export const SIGSEGV = 11;
/** An access to a file mapping behind the end of the file. */
export const SIGBUS = 7;
/** Out of memory in a fault: the signal of the OOM killer. */
export const SIGKILL = 9;
