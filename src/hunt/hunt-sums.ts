/** What hunts have done, in figures. */
import type { Harm, WindowSummary } from '../oracle/oracle.ts';

export interface StrategyUse {
  readonly name: string;
  schedules: number;
  steps: number;
  /** Conflicting pairs that it was the first to show. */
  newPairs: number;
  /** What it convicted of. */
  found: Harm[];
  /** The k of PCT's bound, the largest number of steps of one run, and its n, the most threads of a machine, where measured. */
  k?: number;
  n?: number;
  /** ICB: every schedule with so many preemptions has been run. */
  preemptions?: number;
  /** Small scope: scopes, and those of which every state was visited. */
  scopes?: number;
  closed?: number;
  /** Sleep sets: runs to the end, and runs given up. */
  traces?: number;
  blocked?: number;
}

/** The names of runs that follow from others, see unmade.ts: no strategy draws them. */
export const UNMADE = {
  operations: 'unmade-operations',
  allocations: 'unmade-allocations',
  stores: 'unmade-stores',
} as const;

/** What a hunt has done. */
export interface HuntSums {
  readonly schedules: number;
  readonly steps: number;
  readonly programs: number;
  readonly strategies: readonly StrategyUse[];
  readonly windows: readonly WindowSummary[];
}

/** The commonest first. */
export function byCount(windows: Iterable<WindowSummary>): WindowSummary[] {
  return [...windows].sort((a, b) => b.count - a.count || (a.path < b.path ? -1 : 1));
}
