/** What generated programs may contain: named weights, all on by default. */

/**
 * Each weight scales how often its trait appears; 0 switches it off, 1 is the default. Where traits compete, their
 * shares follow the weights.
 */
export const TRAITS = {
  /** More than 2 CPUs. */
  manyCpus: 'three or four CPUs instead of two',
  /** More than one address space at the start. */
  unrelatedMms: 'a second and third address space at the start',
  secondTask: 'two tasks on one CPU',
  kthread: 'kernel threads, which borrow an address space',
  priority: 'tasks of the higher priority',
  smallMachine: 'sizes of the machine drawn per program: frames, lists, batches, TLB, tables',
  tiers: 'a fast and a slow memory node, the fast one small',
  kswapd: 'watermarks, and a daemon for each node',
  variants: 'variants of the machine: no PCID, no spurious faults, frames zeroed when they are freed',
  history: 'operations before the concurrent part, 0 to 40',
  load: 'loads',
  store: 'stores',
  fetch: 'instruction fetches',
  touch: 'one access to each page of a range',
  mmap: 'mmap, fixed or as a hint, populated or not',
  munmap: 'munmap',
  mprotect: 'mprotect',
  mremap: 'mremap: moved, grown or shrunk',
  dontneed: 'madvise MADV_DONTNEED',
  free: 'madvise MADV_FREE, sometimes MADV_COLD',
  pageout: 'madvise MADV_PAGEOUT',
  gup: 'get_user_pages(), fast or not, to read or to write',
  numascan: 'NUMA balancing takes the rights from entries for a while, where there is a slow node',
  files: 'files that tasks use',
  fileShared: 'shared mappings of files',
  filePrivate: 'private mappings of files, copied on a store',
  alias: 'several mappings of the same pages of a file, in one address space or several',
  read: 'read(2)',
  write: 'write(2)',
  truncate: 'truncate: shorter or longer',
  fsync: 'fsync',
  msync: 'msync MS_SYNC',
  remote: 'files of a server, to which other clients write',
  open: 'open and close of remote files, open of FUSE files',
  lock: 'locks of remote files, and their ends',
  reclaim: 'reclaim of file pages, by a task or a kernel thread',
  migrate: 'migration of file pages, batched or page by page',
  swap: 'a swap device, and so reclaim and migration of anonymous pages',
  swapout: 'reclaim of what an address space maps, by a task or a kernel thread',
  relocate: 'migration of what an address space maps, batched or page by page',
  pfnwalk: 'walks over frames that take references',
  compaction: 'compaction of a node, by a task or a kernel thread',
  kalloc: 'pages that the kernel allocates for itself, with interrupts on or off or under a spinlock, and frees',
  device: 'devices that interrupt CPUs, idle ones too, and whose handlers allocate',
  uprobe: 'uprobes in pages of files, and their ends',
  ksm: 'pages of equal content are merged, by a task or a kernel thread',
  rawmap: 'frames of a device that tasks map, and their revocation',
  fork: 'fork',
  exit: 'exit, of children and of others',
  sleep: 'a task sleeps, another wakes it',
  messages: 'a task waits for a message of another',
  yield: 'sched_yield',
  move: 'a task moves to another CPU',
  compute: 'user work without accesses',
  shared: 'tasks use the same few pages instead of any page',
  memoryFile: 'files without a disk, whose pages go to swap',
  sharedMemory: 'shared mappings of anonymous memory',
  clearrefs: 'soft-dirty marks: cleared, and read by pagemap',
  uffdwp: 'write protection for a userfaultfd, which the kernel resolves, and pagemap',
  blockdev: 'block devices, to which another host writes',
  iomap: 'files of a file system that writes by iomap',
  fuse: 'FUSE files, which a daemon changes',
  notify: 'the daemon of a FUSE file says that it has changed',
  direct: 'read(2) and write(2) past the page cache',
  punch: 'holes punched into files',
  dropcache: 'posix_fadvise DONTNEED',
  devmigrate: 'pages move to the memory of a device',
  unplug: 'CPUs go and come back',
} as const;

export type TraitName = keyof typeof TRAITS;

export type Traits = Readonly<Record<TraitName, number>>;

/** Operations that are not about memory, with their shares in the history and in the concurrent part. */
const OTHERS: Readonly<Partial<Record<TraitName, readonly [history: number, concurrent: number]>>> = {
  kalloc: [1, 1.5],
  device: [0.6, 1.5],
  fork: [0.5, 1],
  sleep: [0.2, 1],
  messages: [0, 1],
  yield: [0.6, 0.8],
  move: [0.5, 0.5],
  compute: [0, 0.2],
  exit: [0.2, 0.2],
  ksm: [0.2, 0.6],
  rawmap: [0.1, 1],
  unplug: [1, 3],
};

/** Those that the player may do now: all but the ones that `possible` calls impossible. */
export function sharesOfOthers(
  traits: Traits,
  possible: Partial<Record<TraitName, boolean>>,
  part: 'history' | 'concurrent',
): Partial<Record<TraitName, number>> {
  const shares = Object.entries(OTHERS) as [TraitName, readonly [number, number]][];
  const at = part === 'history' ? 0 : 1;
  return Object.fromEntries(
    shares.flatMap(([name, share]) => ((possible[name] ?? true) ? [[name, share[at] * traits[name]]] : [])),
  );
}

/** Operations that a swarm leaves out, keeps or prefers. */
export const SWARMED: readonly TraitName[] = [
  ...(['load', 'store', 'fetch', 'touch', 'mmap', 'munmap', 'mprotect', 'mremap', 'dontneed', 'free'] as const),
  ...([
    'pageout',
    'numascan',
    'gup',
    'read',
    'write',
    'truncate',
    'fsync',
    'msync',
    'open',
    'lock',
    'notify',
    'reclaim',
    'migrate',
    'pfnwalk',
    'compaction',
    'swapout',
    'relocate',
    'direct',
    'punch',
    'dropcache',
    'uprobe',
    'ksm',
    'rawmap',
  ] as const),
  ...([
    'fork',
    'exit',
    'sleep',
    'messages',
    'yield',
    'move',
    'compute',
    'kalloc',
    'device',
    'clearrefs',
    'uffdwp',
    'devmigrate',
  ] as const),
];

/**
 * Swarm testing (Groce et al., ISSTA 2012): a program of few kinds of operations has more of each, so that rivals of one
 * kind meet. Half of the programs have everything. @param bits unsigned 32-bit numbers
 */
export function swarmTraits(bits: () => number): Traits {
  if (bits() < 2 ** 31) return allTraits();
  const weights = SWARMED.map((name) => [name, [0, 0, 1, 3][bits() >>> 30]] as const);
  return allTraits(Object.fromEntries(weights));
}

/** Every trait at its default, but for those given. */
export function allTraits(but: Partial<Traits> = {}): Traits {
  const all = Object.fromEntries(Object.keys(TRAITS).map((name) => [name, 1])) as Record<TraitName, number>;
  return { ...all, ...but };
}
