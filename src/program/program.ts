/**
 * Programs as data: what every task does and on which machine. A program prints, compares, shrinks and replays; it
 * holds no function. Pages are absolute virtual page numbers of the task's own address space, small on a tiny machine.
 */

export type Prot = 'none' | 'r' | 'rw' | 'rx' | 'rwx';
export type AllocContext = 'task' | 'irqoff' | 'locked';
export type Advice = 'dontneed' | 'free' | 'cold' | 'pageout';

/** One operation of a task. `page` is a virtual page number, `pages` a count (default 1), `word` an index in the page. */
export type Op =
  | { do: 'load' | 'fetch'; page: number; word?: number; into?: string }
  | { do: 'store'; page: number; word?: number; value?: number }
  /** One access to word 0 of each page of the range, in order. */
  | { do: 'touch'; page: number; pages?: number; write?: boolean }
  /** A hint unless `fixed`; `replace: false` with `fixed` is MAP_FIXED_NOREPLACE. */
  | {
      do: 'mmap';
      page: number;
      pages?: number;
      prot: Prot;
      fixed?: boolean;
      populate?: boolean;
      shared?: boolean;
      /** Maps this file from its page `offset` (default 0) on; anonymous memory without it, also shared with children. */
      file?: string;
      offset?: number;
    }
  | { do: 'munmap'; page: number; pages?: number }
  | { do: 'mprotect'; page: number; pages?: number; prot: Prot }
  /** Moves to `to` (MREMAP_FIXED) if given, else resizes in place or moves (MREMAP_MAYMOVE). */
  | { do: 'mremap'; page: number; pages?: number; to?: number; newPages?: number }
  /** NUMA balancing looks at the range: entries of the slow node lose their rights, so that the next use is noticed. */
  | { do: 'numascan'; page: number; pages?: number }
  /**
   * The kernel gets at pages of the task's own address space (at most 16) by get_user_pages(), or get_user_pages_fast(), reads or
   * writes `word` of each through the direct map, and gives them back. `value` goes to every page; `into` is the last one's.
   */
  | {
      do: 'gup';
      page: number;
      pages?: number;
      word?: number;
      fast?: boolean;
      write?: boolean;
      value?: number;
      into?: string;
    }
  | { do: 'madvise'; page: number; pages?: number; advice: Advice }
  /**
   * read(2) and write(2) of one word of a page of a file, past the page cache if `direct`; a write behind the end makes the
   * file longer.
   */
  | { do: 'read'; file: string; page: number; word?: number; direct?: boolean; into?: string }
  | { do: 'write'; file: string; page: number; word?: number; direct?: boolean; value?: number }
  /** The file has `pages` pages afterwards: what lies behind is discarded, a hole reads as zero. */
  | { do: 'truncate'; file: string; pages: number }
  /** Writes dirty pages of the file back and waits. */
  | { do: 'fsync'; file: string }
  /**
   * Of a remote file (`open` of a FUSE file, too), what promises to see the writes of other clients, or to have sent those of
   * this one: open(2) drops an old page cache, close(2) writes dirty pages back, a byte-range lock does both, and its end
   * writes them back.
   */
  | { do: 'open' | 'close' | 'lock' | 'unlock'; file: string }
  /**
   * The server of a remote file, the daemon of a FUSE file, or another host at a block device, done by a task marked `server`:
   * one word is written, and this machine is not told.
   */
  | { do: 'remote'; file: string; page: number; word?: number; value?: number }
  /** MS_SYNC: writes back what the range shows of shared mappings, and waits. */
  | { do: 'msync'; page: number; pages?: number }
  /**
   * Kernel duties, done by a task (on request) or by a kernel thread: pages of a file, or what pages of an address space map, are
   * reclaimed, or moved to other frames (of node 1). `of` is a task with that address space; the acting task when left out.
   */
  | { do: 'reclaim'; file?: string; of?: string; page: number; pages?: number }
  | { do: 'migrate'; file?: string; of?: string; page: number; pages?: number; sync?: boolean; node?: number }
  /** All that a kernel thread does, for ever: it reclaims when the node (default 0) is low on frames, and sleeps. */
  | { do: 'kswapd'; node?: number }
  /**
   * A kernel duty: moves the folios of a node (default 0) to its highest frames, as /proc/sys/vm/compact_memory does with
   * `sync`.
   */
  | { do: 'compact'; node?: number; sync?: boolean }
  /** A kernel duty: takes a reference on whatever folio lies in each of these frames, looks at it, and drops it. */
  | { do: 'pfnwalk'; page: number; pages?: number }
  /**
   * The kernel allocates pages for itself, may be with interrupts off or a spinlock held, and writes to them; it frees those
   * that it has longest.
   */
  | { do: 'kalloc'; pages?: number; context?: AllocContext }
  | { do: 'kfree'; pages?: number }
  /** A driver moves pages of the task's own address space to the memory of its device: frames of node 1 if there is one. */
  | { do: 'devmigrate'; page: number; pages?: number }
  /** A device interrupts that CPU: the handler allocates a page, writes to it, and keeps it until there are too many. */
  | { do: 'device'; cpu: number }
  /**
   * A uprobe at a word of a page of a file: in every address space that maps it privately, and not for writing, the kernel puts a
   * breakpoint (`value`) there; `off` puts back what was there before.
   */
  | { do: 'uprobe'; file: string; page: number; word?: number; value?: number; off?: boolean }
  /**
   * One step of ksmd: the anonymous page at `page` becomes a KSM page, and the page at `with`, if it holds the same, is merged into
   * it. `of` and `withOf` are tasks with those address spaces; the acting one when left out.
   */
  | { do: 'ksm'; page: number; of?: string; with: number; withOf?: string }
  /** The driver of a device takes its memory away from all mappings, for good, and gives it back. */
  | { do: 'revoke'; file: string }
  /** Starts the task `task` (declared with `forkedBy`) in a copy of this address space. */
  | { do: 'fork'; task: string }
  | { do: 'exit' }
  /** User-level message passing outside the memory under test: `await` blocks until `post` of that flag. */
  | { do: 'post' | 'await'; flag: string }
  /** Sleeps until woken by a `wake` of this task. A wake that comes first is kept. */
  | { do: 'sleep' }
  | { do: 'wake'; task: string }
  /** sched_yield. */
  | { do: 'yield' }
  /** sched_setaffinity to one CPU. */
  | { do: 'move'; cpu: number }
  /**
   * 0 or 1 to /sys/devices/system/cpu/cpuN/online: the CPU goes, and its tasks to others, or it comes back. The last one stays, and
   * one that is as it should be anyway.
   */
  | { do: 'offline' | 'online'; cpu: number }
  /** User work of that many cycles. */
  | { do: 'compute'; cycles: number }
  /** Soft-dirty tracking: all marks of the task's address space are cleared (4 to /proc/self/clear_refs). */
  | { do: 'clearrefs' }
  /**
   * Anonymous memory is registered with a userfaultfd for write protection, which the kernel resolves itself; pages are
   * protected, or not.
   */
  | { do: 'uffdregister'; page: number; pages?: number }
  | { do: 'uffdwp'; page: number; pages?: number; on: boolean }
  /** What the tracker is told of at most 15 pages: bit i, the i-th is soft-dirty; bit 15 + i, it is still write-protected. */
  | { do: 'pagemap'; page: number; pages?: number; into?: string }
  /** fallocate(2): pages of the file become a hole, which reads as zero. */
  | { do: 'punch'; file: string; page: number; pages?: number }
  /** posix_fadvise(DONTNEED), or BLKFLSBUF of a block device: what nobody uses of the file's page cache is dropped. */
  | { do: 'dropcache'; file: string }
  /**
   * The daemon of a FUSE file, done by a task marked `server`: it changes a word and puts it into the page cache, too; or it
   * has pages dropped there.
   */
  | { do: 'notifystore'; file: string; page: number; word?: number; value?: number }
  | { do: 'notifyinval'; file: string; page: number; pages?: number };

export type OpName = Op['do'];

/** One task: where it starts, in which address space, and what it does. */
export interface TaskProgram {
  /** Unique in the program; columns and `fork`, `wake` use it. */
  name: string;
  /** The CPU it starts on. */
  cpu: number;
  /** Index of its address space at the start; ignored for a forked task. */
  mm?: number;
  /** The task whose `fork` starts this one. */
  forkedBy?: string;
  /**
   * A kernel thread has no address space of its own and borrows one (lazy TLB). Only kernel duties, yield, sleep, wake, move,
   * compute.
   */
  kthread?: boolean;
  /**
   * A kernel thread that stands for the server of remote files and for its other clients, for a daemon, or for another host at
   * block devices.
   */
  server?: boolean;
  /** 0 is normal; 1 runs before 0. */
  priority?: 0 | 1;
  ops: Op[];
}

/** What the machine is like. Everything left out takes the default of the named geometry. */
export interface MachineSpec {
  cpus: number;
  /** `tiny` for hunting, `small` for stress, `full` for measuring. */
  geometry?: 'tiny' | 'small' | 'full';
  /** Single parameters of the geometry, by their name in `Geometry`. */
  override?: Record<string, number>;
  /** Switches between kernel versions and hardware variants, by their name in `MachineSwitches`. */
  switches?: Record<string, number | boolean>;
}

/** What a file may be, at most one of them, beside one of a disk of this machine's own. */
export const FILE_KINDS = ['remote', 'fuse', 'memory', 'blockdev', 'iomap', 'device'] as const;
export type FileKind = (typeof FILE_KINDS)[number];

/** A file of one of the machine's file systems. All its words are zero, and nothing of it is cached. */
export interface FileSpec {
  /** Unique in the program. */
  name: string;
  /** Length in pages at the start. */
  pages: number;
  /** It is a server's, and so is what is said of the disk: other clients change it, too. Its length stays. */
  remote?: boolean;
  /** It is one of a FUSE file system, mounted read-only, whose daemon changes it and may say so. Its length stays. */
  fuse?: boolean;
  /** It has no disk (tmpfs, memfd_create): what it holds is in memory and in swap, and gone with the machine. */
  memory?: boolean;
  /** It is a block device, to which another host may write, too. Its length stays. */
  blockdev?: boolean;
  /** Its file system writes by iomap, as block devices do anyway. */
  iomap?: boolean;
  /** It stands for a device whose frames are mapped, shared, and which has no page cache: only mmap and `revoke`. */
  device?: boolean;
}

export interface Program {
  name: string;
  says?: string;
  machine: MachineSpec;
  files?: FileSpec[];
  tasks: TaskProgram[];
  /** Operations done one after another, each to its end, before the concurrent part starts. */
  history: { task: string; op: Op }[];
  /** How often every task repeats its `ops` in a bounded run (default 1). `stress` repeats until its time is up. */
  rounds?: number;
  /** A final condition over the registers that loads fill: `{task, register, value}` all true at once. */
  final?: { verdict: 'forbidden' | 'permitted'; where: { task: string; register: string; value: number }[] };
}
