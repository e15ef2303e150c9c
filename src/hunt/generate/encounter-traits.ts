/** What encounters are made of: the worlds that they happen in, what may have happened before, and how often which operations meet. */
import { SWARMED, type TraitName, type Traits } from './traits.ts';

type Factors = Readonly<Partial<Record<TraitName, number>>>;

const FEW = {
  manyCpus: 1.3,
  unrelatedMms: 0.12,
  secondTask: 0.12,
  kthread: 0.4,
  priority: 0.3,
  smallMachine: 0.5,
  variants: 0.5,
  kswapd: 0.2,
  shared: 5,
} satisfies Factors;

/** Operations that have little to do with pages of files. */
const NOT_OF_FILES: Factors = {
  devmigrate: 0.2,
  ksm: 0.2,
  uffdwp: 0.2,
  free: 0.3,
  swapout: 0.3,
  relocate: 0.3,
  rawmap: 0.3,
};

/** What is mapped: anonymous memory, with swap mostly, or pages of a file, or both. */
export const WORLDS: readonly Factors[] = [
  { ...FEW, files: 0, sharedMemory: 0.3, rawmap: 0.3, swap: 1.7 },
  { ...FEW, files: 1.6, swap: 0.3, ...NOT_OF_FILES },
  { ...FEW },
];

/**
 * What may have happened to what is mapped: each with its chance, in random order, as far as the program has such operations. It
 * leaves something to meet at.
 */
export const PAST: readonly (readonly [name: TraitName, chance: number])[] = [
  ['swapout', 0.2],
  ['relocate', 0.3],
  ['migrate', 0.3],
  ['reclaim', 0.15],
  ['write', 0.2],
  ['fsync', 0.15],
  ['clearrefs', 0.15],
  ['uffdwp', 0.2],
  ['free', 0.12],
  ['mprotect', 0.15],
  ['mremap', 0.08],
  ['dontneed', 0.08],
  ['ksm', 0.08],
  ['devmigrate', 0.08],
  ['numascan', 0.08],
  ['move', 0.1],
  ['kalloc', 0.05],
];

/**
 * Operations that meet: what is rare elsewhere is less rare here, what waits or changes nothing is rarer; accesses come before and
 * behind them anyway.
 */
export const RIVAL: Factors = {
  ...{
    load: 0.1,
    store: 0.4,
    fetch: 0.1,
    touch: 0.05,
    gup: 0.5,
    compute: 0,
    yield: 0.1,
    move: 0.3,
    sleep: 0.1,
    messages: 0.1,
  },
  ...{ device: 0.1, kalloc: 0.15, pfnwalk: 0.5, remote: 0.4, write: 0.7, reclaim: 0.7, migrate: 0.7 },
  ...{ mmap: 0.4, munmap: 0.8, mremap: 1.8, exit: 6, fork: 1.2, unplug: 1, numascan: 2, devmigrate: 2.5 },
  ...{ msync: 1.5, fsync: 2, truncate: 2, clearrefs: 6, uffdwp: 5, ksm: 2 },
};

/** Operations that change something: all that compete for a place among those that meet. */
export const OPERATIONS: readonly TraitName[] = [...SWARMED, 'unplug' as const].filter(
  (name) => !['load', 'fetch', 'touch', 'compute', 'yield', 'sleep', 'messages'].includes(name),
);

/** A swarm keeps what servers do, and hotplug, in whatever program has them. */
const NO_OPERATIONS: Factors = Object.fromEntries([...SWARMED, 'remote', 'unplug'].map((name) => [name, 0]));

/** The traits that are operations, as they are there. */
export function operationsOf(traits: Traits): Partial<Traits> {
  return Object.fromEntries(SWARMED.map((name) => [name, traits[name]]));
}

/** The traits that are operations, with all but one of them off. */
export function only(traits: Traits, name: TraitName): Traits {
  return { ...scaled(traits, NO_OPERATIONS), [name]: traits[name] };
}

/** The traits with one of them on. */
export function withTrait(traits: Traits, name: TraitName): Traits {
  return { ...traits, [name]: Math.max(1, traits[name]) };
}

/** Traits with some of them scaled; what is off stays off. */
export function scaled(traits: Traits, factors: Factors): Traits {
  const by = Object.entries(factors).map(([name, factor]) => [name, traits[name as TraitName] * factor]);
  return { ...traits, ...Object.fromEntries(by) };
}
