/** The catalogue of real TLB bugs and hazards that the model is held against: every entry, with or without a patch here. */

export interface CatalogueEntry {
  readonly id: string;
  readonly title: string;
  /** The smallest number of CPUs to which the case can be reduced. */
  readonly cpus: string;
  /** Why there is no patch, or what of the entry the patches leave out. */
  readonly missing: string | undefined;
}

/** Does the patch of that name put the entry back, or one form of it? `t1-02-munmap` is one of T1-02. */
export function isPatchOf({ id }: CatalogueEntry, patch: string): boolean {
  const stem = id.toLowerCase();
  return patch === stem || patch.startsWith(`${stem}-`);
}

/** Id, smallest number of CPUs, title. */
const ENTRIES: readonly (readonly [id: string, cpus: string, title: string])[] = [
  ['T1-01', '2', 'parallel MADV_DONTNEED misses a flush'],
  ['T1-02', '2', 'reclaim batch beside mprotect, munmap, madvise, mremap'],
  ['T1-03', '3', 'mark of pending batches cleared over a new one'],
  ['T1-04', '3', 'mremap flushes after it has let go of the moved page'],
  ['T1-05', '3', 'mremap beside page cleaning'],
  ['T1-06', '3', 'zap beside page cleaning'],
  ['T1-07', '3', 'userfaultfd write-protection beside a COW copy'],
  ['T1-08', '2', 'clearing soft-dirty does not flush'],
  ['T1-09', '3-4', 'KSM merges a page that is writable elsewhere'],
  ['T1-10', '3', 'migration beside a protection change whose flush is pending'],
  ['T1-11', '2', 'device migration flushes after the page-table lock'],
  ['T1-12', '2', 'COW installs the new frame before the old entry is gone'],
  ['T1-13', '1-2', 'a one-page flush passes on an empty range'],
  ['T1-14', '2', 'flush of the local CPU only, or none'],
  ['T1-15', '2', 'set of CPUs cut to one word'],
  ['T1-16', '1-2', 'frame freed with its mapping left in place'],
  ['T2-01', '2', 'switch_mm beside a flush without a barrier'],
  ['T2-02', '2', 'CPU leaves the set before it leaves the page tables'],
  ['T2-03', '2', 'flush suppressed in the middle of a switch'],
  ['T2-04', '2', 'table freed before the flush when memory for the batch runs out'],
  ['T2-05', '2', 'lazy CPU walks freed tables'],
  ['T2-06', '2', 'flush does not say that tables are freed'],
  ['T2-07', '2', 'khugepaged beside a lockless walk'],
  ['T2-08', '2', 'mm switched with interrupts on'],
  ['T2-09', '2', 'set of CPUs trimmed over a new user'],
  ['T2-10', '3', 'invalidation by a tag that was just replaced'],
  ['T2-11', '2', 'temporary mm entered from lazy mode'],
  ['T2-12', '2', 'invalidation of an entry loses its dirty bit'],
  ['T2-13', '3', 'huge zero page freed before the flush'],
  ['T2-14', '2', 'one entry of a contiguous group unmapped'],
  ['T2-15', '2', 'tables freed outside the gather'],
  ['T2-16', '2', 'no invalidation when a batch of tables is full'],
  ['T2-17', '2', 'big and small entries with different attributes'],
  ['T2-18', '2-3', 'broadcast flush beside interrupts, tags that change'],
  ['T2-19', '1', 'bitmap of pending flushes too small'],
  ['T2-20', '1-2', 'demoted superpage leaves small entries'],
  ['T2-21', '2', 'software refill beside a freed table'],
  ['T2-22', '1-2', 'flush first, free later, with the root still loaded'],
  ['T2-23', '2', 'purge with a stale context number'],
  ['T2-24', '1-2', 'table reused at another level without invalidation'],
  ['T2-25', '2', 'segment cache and software preload disagree'],
  ['T2-26', '2', 'coalescing to a superpage frees a table in use'],
  ['PH-1', '2', 'LUF: frame read through a stale entry after its reuse'],
  ['PH-2', '2', 'LUF: file content changes behind a stale entry'],
  ['PH-3', '3', 'flush of mremap removed because of mmap_lock'],
  ['PH-4', '2', 'write protection of fork flushed behind the lock'],
];

const HUGE = 'huge pages are not modelled';

/** Why there is no patch, or what of the entry the patches leave out, by id. */
const MISSING: Readonly<Record<string, string>> = {
  'T1-04':
    'not the form that flushes with one of the two locks still held: whoever frees the page comes by the old place first, and waits there',
  'T1-08': 'the second half takes three CPUs: who clears, who faults before the flush, and who still writes meanwhile',
  'T1-12':
    'there a CPU executes the old page and stores to the new one; here it has one TLB for both, and it takes a third CPU to see two pages',
  'T2-01': 'store buffers (`--memory tso`), which the hunts below go without, show it on two CPUs',
  'T2-02':
    'tables are freed by RCU, and a CPU in the middle of a switch holds the grace period up: put back, it did no harm in 20,000 schedules',
  'T2-06': 'khugepaged is not modelled: here whoever unmaps does it',
  'T2-07': `${HUGE}, and no flush goes without an interrupt`,
  'T2-08': 'neither exec nor kthread_use_mm() is modelled',
  'T2-10': 'tags belong to one CPU here and are never named by another',
  'T2-11': 'no path uses a temporary mm',
  'T2-12': 'of small entries; huge ones are not modelled',
  'T2-13': `${HUGE}, and the small zero page is never freed`,
  'T2-14': 'x86 has no contiguous groups',
  'T2-17': HUGE,
  'T2-18': 'INVLPGB is not modelled',
  'T2-19': 'user and kernel share their tags: no page-table isolation',
  'T2-20': HUGE,
  'T2-21': 'hardware refills here; for it the mistake is T2-15',
  'T2-23': 'no flush names a tag of another CPU',
  'T2-25': 'x86 has no segment cache',
  'T2-26': HUGE,
  'PH-1': 'a hazard of the policy, not of the kernel: `ablate luf-v11` drops the flush points of the allocator',
  'PH-2': 'a hazard of the policy, not of the kernel: `ablate luf-v11` drops the flush points of files',
};

export const CATALOGUE: readonly CatalogueEntry[] = ENTRIES.map(([id, cpus, title]) => ({
  id,
  cpus,
  title,
  missing: MISSING[id],
}));
