/** How many schedules a generated program gets: few, and fewer where they show that what it was drawn for does not come about. */
import { COMPARED, type Difference } from './directed/difference.ts';
import type { Fuzz, Origin } from './fuzz.ts';

/** Schedules that a generated program gets before the next is drawn: few where most of what can happen does within few. */
export const SCHEDULES_PER_PROGRAM: Readonly<Record<Origin, number>> = {
  scope: 10_000,
  encounter: 16,
  aimed: 24,
  opening: COMPARED,
  crossing: 20,
  fresh: 48,
  mutated: 48,
  replayed: 48,
};
/** Schedules behind the first in which patches made a difference, if it came about in a race. */
const BEHIND_RACE = 64;
/** Schedules after which an encounter is given up if no TLB held a stale entry in any of them: no flush was due, or missed. */
const SCHEDULES_WITHOUT_STALE = 4;

/** Those after which a crossing is given up if what crosses has come by no frame to which a stale entry leads. */
const SCHEDULES_WITHOUT_MEETING = 6;

/** What the schedules of a program have shown so far. */
interface Shown {
  /** Some TLB has held an entry older than the page tables. */
  readonly stale: boolean;
  readonly difference: Difference | undefined;
}

/** How many schedules the program gets, if they are not in vain. */
export function schedulesFor(origin: Origin | undefined, most: number, difference: Difference | undefined): number {
  if (!origin || !difference || difference.knownIn <= COMPARED) return most;
  return Math.max(most, difference.knownIn + BEHIND_RACE);
}

/** Is the program not worth more than these schedules? */
export function isInVain(origin: Origin, schedules: number, { stale, difference }: Shown, fuzz: Fuzz): boolean {
  const isDirected = origin === 'aimed' || (origin === 'fresh' && difference !== undefined);
  if (isDirected && schedules === COMPARED) return !fuzz.isWorth(difference);
  if (origin === 'crossing' && schedules === SCHEDULES_WITHOUT_MEETING && difference?.isStale)
    return !difference.hasMet;
  if (schedules !== SCHEDULES_WITHOUT_STALE || stale) return false;
  return origin === 'encounter' || origin === 'crossing' || (origin === 'aimed' && !difference?.isKnown);
}
