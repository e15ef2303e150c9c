/** Switches of a machine: variants of hardware and of kernel version, each named after what it changes. */

export interface MachineSwitches {
  /** Process-context identifiers: MOV CR3 may keep entries of other address spaces (SDM 3A 4.10.1). */
  readonly pcid: boolean;
  /** A protection fault after a widening may be spurious (Intel); off: hardware re-walks first (AMD). B-15. */
  readonly spuriousFaults: boolean;
  /** Skip lazy CPUs in shootdowns and let idle CPUs keep the last address space (Linux lazy TLB). */
  readonly lazyTlb: boolean;
  /** Leave the bit in the cpumask of an mm that a CPU has switched away from; trimmed at flush time (Linux 6.14). */
  readonly lazyCpumask: boolean;
  /** Send the flush to CPUs that are in the middle of switch_mm (Linux 6.15, May 2025). */
  readonly ipiWhileSwitching: boolean;
  /**
   * switch_mm has a full barrier also where the bit in the cpumask is set already (Linux 6.18: 'x86/mm: Fix SMP ordering in
   * switch_mm_irqs_off()', October 2025). Only store buffers show the difference.
   */
  readonly switchMmBarrier: boolean;
  /** Faults and DONTNEED take the per-VMA lock before they try mmap_lock (Linux 6.4). */
  readonly perVmaLocks: boolean;
  /** MADV_DONTNEED frees page tables it emptied (Linux 6.14, CONFIG_PT_RECLAIM). */
  readonly ptReclaim: boolean;
  /** Zero every frame when it is freed, not only when it is handed out (Linux: init_on_free=1). */
  readonly initOnFree: boolean;
  /** Copy and zero a page in one step instead of word by word: for measuring with large pages, never for hunting. */
  readonly bulkCopy: boolean;
  /** A task that awaits a flag sleeps until the post, as in futex(2), instead of looking again and again: for measuring. */
  readonly awaitSleeps: boolean;
  /** A task may be slow between two operations, as if other work of no concern lay there: a point of its own in the stepper. */
  readonly pauses: boolean;
}

/** Linux 6.18 on an Intel CPU with PCID. */
export const SWITCHES_6_18: MachineSwitches = {
  pcid: true,
  spuriousFaults: true,
  lazyTlb: true,
  lazyCpumask: true,
  ipiWhileSwitching: true,
  switchMmBarrier: true,
  perVmaLocks: true,
  ptReclaim: true,
  initOnFree: false,
  bulkCopy: false,
  awaitSleeps: false,
  pauses: false,
};
