/**
 * What a test of which only the reads are told may mean. Two things are open: where in a thread its fences stand (the sources
 * list them behind the accesses) and what memory holds in the end. How many executions the source lists narrows the second:
 * as many as have the reads and the final memory that it asks for. The verdict narrows both, since the source gave it for the
 * same memory model: what its axioms (executions.ts) do not bear out was not meant.
 */
import { oneOfEach } from '../../program/combinations.ts';
import type { ReadsCase, SuiteOutcome, SuiteVerdict } from '../../program/suite.ts';
import type { SuiteEvent, SuiteProgram } from '../../program/suite-program.ts';
import { covers } from './covers.ts';
import { type Candidate, candidates } from './executions.ts';
import { type Renaming, symmetries } from './symmetry.ts';

export interface Reading {
  readonly program: SuiteProgram;
  readonly asked: SuiteOutcome;
}

export interface Readings {
  /** None if there are too many, or the number of executions fits no final memory. */
  readonly list: readonly Reading[];
  /** Some reads are left open, too: those given are of one of the executions meant. */
  readonly isInstance: boolean;
}

/** More programs than that are too many to run. */
const MOST_PROGRAMS = 64;
/** More final memories than that are too many to try. */
const MOST_MEMORIES = 1 << 12;

export function readingsOf({ program, verdict, reads, alternatives }: ReadsCase): Readings {
  const programs = fencesPlaced(program);
  const alike = candidates(program, reads);
  const isInstance = alternatives !== undefined && alike !== undefined && alternatives > alike.length;
  if (alike === undefined || programs === undefined) return { list: [], isInstance };
  const memories = finalMemories(program, alike).filter((mem) => {
    if (alternatives === undefined) return true;
    return isInstance ? Object.keys(mem).length === 0 : executionsEnding(alike, mem) === alternatives;
  });
  const all = programs.flatMap((placed) => {
    const isBorneOut = borneOut(placed, verdict);
    return memories.map((mem) => {
      const asked = { reads, mem };
      return { program: placed, asked, isMeant: isBorneOut(asked) };
    });
  });
  const meant = all.filter(({ isMeant }) => isMeant);
  // a verdict that no reading bears out is wrong of each of them
  return { list: meant.length > 0 ? meant : all, isInstance };
}

/** The outcomes that speak against the verdict. If it is `permitted` and the outcome came up, there are none. */
export function against(
  verdict: SuiteVerdict,
  asked: SuiteOutcome,
  outcomes: readonly SuiteOutcome[],
  renamings: readonly Renaming[],
): readonly SuiteOutcome[] {
  const [met, others] = [true, false].map((is) => outcomes.filter((o) => covers(renamings, asked, o) === is));
  if (verdict === 'permitted') return met.length > 0 ? [] : [asked];
  return verdict === 'forbidden' ? met : others;
}

function borneOut(program: SuiteProgram, verdict: SuiteVerdict): (asked: SuiteOutcome) => boolean {
  const legal = candidates(program)?.flatMap(({ outcome, isLegal }) => (isLegal ? [outcome] : []));
  const renamings = symmetries(program);
  return (asked) => legal !== undefined && against(verdict, asked, legal, renamings).length === 0;
}

function executionsEnding(of: readonly Candidate[], mem: Readonly<Record<string, number>>): number {
  return of.filter(({ outcome }) => Object.entries(mem).every(([pa, value]) => outcome.mem[pa] === value)).length;
}

/**
 * What may be asked of final memory: of each page with several stores nothing, or one of the values that it can end with.
 * None if that is too much.
 */
function finalMemories({ mem }: SuiteProgram, of: readonly Candidate[]): Record<string, number>[] {
  const asks = Object.keys(mem).map((pa) => {
    const ends = [...new Set(of.map(({ outcome }) => outcome.mem[pa]))];
    return [[], ...(ends.length > 1 ? ends.map((value) => [[pa, value] as const]) : [])];
  });
  if (asks.reduce((product, { length }) => product * length, 1) > MOST_MEMORIES) return [];
  return oneOfEach(asks).map((chosen) => Object.fromEntries(chosen.flat()));
}

/**
 * The program with its fences in every place that orders something: those at the end of a thread stand there for want of one.
 * undefined if there are too many such programs.
 */
function fencesPlaced(program: SuiteProgram): SuiteProgram[] | undefined {
  const movable = program.threads.map(fencesOf);
  const counts = movable.map(({ fences, places }) => (places.length === 0 ? 1 : nrSubsets(places.length, fences)));
  if (counts.reduce((product, n) => product * n, 1) > MOST_PROGRAMS) return undefined;
  return oneOfEach(movable.map((one, t) => placements(program.threads[t], one))).map((threads) => ({
    ...program,
    threads,
  }));
}

/** How many fences end the thread, and before which accesses they would order something. */
function fencesOf(events: readonly SuiteEvent[]): { fences: number; places: number[] } {
  const accesses = events.slice(0, events.findLastIndex(({ op }) => op !== 'MFENCE') + 1);
  const fences = events.length - accesses.length;
  if (fences === 0) return { fences, places: [] };
  const places = accesses.flatMap((_, at) => {
    const [before, behind] = [accesses.slice(0, at), accesses.slice(at)];
    return before.some(({ op }) => op === 'W') && behind.some(({ op }) => op === 'R') ? [at] : [];
  });
  return { fences, places };
}

function placements(
  events: readonly SuiteEvent[],
  { fences, places }: { fences: number; places: readonly number[] },
): (readonly SuiteEvent[])[] {
  if (places.length === 0) return [events];
  const accesses = events.slice(0, events.length - fences);
  const fence = events[accesses.length];
  // several at one place are as one
  return subsets(places, fences).map((chosen) =>
    accesses.flatMap((event, at) => (chosen.includes(at) ? [fence, event] : [event])),
  );
}

/** Those that are not empty and have at most `size` members. */
function subsets<T>(of: readonly T[], size: number): T[][] {
  const [first, ...rest] = of;
  if (first === undefined) return [];
  const without = subsets(rest, size);
  const withFirst = size > 1 ? subsets(rest, size - 1).map((others) => [first, ...others]) : [];
  return [[first], ...withFirst, ...without];
}

/** How many `subsets` of so many things there are. */
function nrSubsets(n: number, size: number): number {
  let [sum, choose] = [0, 1];
  for (let k = 1; k <= Math.min(n, size); k++) {
    choose = (choose * (n - k + 1)) / k;
    sum += choose;
  }
  return sum;
}
