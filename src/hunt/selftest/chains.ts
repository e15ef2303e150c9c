/** The random strategies as Markov chains, each written from its paper and apart from the strategy that it checks. */
import type { TinyProgram } from '../../program/tiny-program.ts';
import type { Chain, Move, Weighted } from './exact.ts';
import { type TinyState, wordOf } from './tiny-run.ts';

const NOBODY = -1;

/** RW; sticky with `stay` above 0: goes on with the thread that was picked last with that probability. */
export function walk(stay: number): Chain<number> {
  return {
    start: () => [{ is: NOBODY, p: 1 }],
    moves(at, last) {
      const enabled = at.enabled();
      // a thread that is alone is no pick
      if (enabled.length === 1) return [{ is: { thread: enabled[0], memory: last }, p: 1 }];
      const stays = enabled.includes(last) ? stay : 0;
      const picks = enabled.map((thread) => ({
        is: { thread, memory: stay > 0 ? thread : NOBODY },
        p: (1 - stays) / enabled.length,
      }));
      return stays > 0 ? [...picks, { is: { thread: last, memory: last }, p: stays }] : picks;
    },
  };
}

/**
 * Preemptions on the coarse grain, where an operation is one event and so cannot be held up: half of the runs go on with a thread
 * until it has ended.
 */
export const COARSE: Chain<{ readonly steady: boolean; readonly last: number }> = {
  start: () => [true, false].map((steady) => ({ is: { steady, last: NOBODY }, p: 1 / 2 })),
  moves(at, { steady, last }) {
    const enabled = at.enabled();
    const among = steady && enabled.includes(last) ? [last] : enabled;
    return among.map((thread) => ({ is: { thread, memory: { steady, last: thread } }, p: 1 / among.length }));
  },
};

/** URW with exact counts. */
export const UNIFORM: Chain<null> = {
  start: () => [{ is: null, p: 1 }],
  moves(at) {
    const left = at.next.map((next, thread) => at.program.threads[thread].length - next);
    const sum = left.reduce((a, b) => a + b, 0);
    return at.enabled().map((thread) => ({ is: { thread, memory: null }, p: left[thread] / sum }));
  },
};

/** Priorities of the threads, steps at which one drops (the i-th to i), and the step that comes. */
interface Dropping {
  readonly priority: readonly number[];
  readonly drops: readonly number[];
  readonly step: number;
}

/** PCT(d), k known. */
export function pct(depth: number): Chain<Dropping> {
  return {
    start(program) {
      const k = program.threads.reduce((sum, ops) => sum + ops.length, 0);
      const orders = arrangements(
        program.threads.map((_, i) => depth + i),
        program.threads.length,
      );
      const drops = arrangements(
        Array.from({ length: k }, (_, i) => i + 1),
        Math.min(depth - 1, k),
      );
      const p = 1 / (orders.length * drops.length);
      return orders.flatMap((priority) => drops.map((d) => ({ is: { priority, drops: d, step: 1 }, p })));
    },
    moves(at, { priority, drops, step }) {
      const enabled = at.enabled();
      const highest = (of: readonly number[]): number => enabled.reduce((a, b) => (of[b] > of[a] ? b : a));
      const drop = drops.indexOf(step);
      const after = priority.map((was, thread) => (drop >= 0 && thread === highest(priority) ? drop + 1 : was));
      return [{ is: { thread: highest(after), memory: { priority: after, drops, step: step + 1 } }, p: 1 }];
    },
  };
}

function arrangements(of: readonly number[], length: number): number[][] {
  if (length === 0) return [[]];
  return of.flatMap((first) =>
    arrangements(
      of.filter((x) => x !== first),
      length - 1,
    ).map((rest) => [first, ...rest]),
  );
}

/**
 * Random priorities as their ranks among all draws so far: the next draw falls into any gap with the same probability.
 * Rank -1: the pending event has none.
 */
interface Ranks {
  readonly rank: readonly number[];
  readonly draws: number;
}

function drawn(ranks: Ranks, threads: readonly number[]): Weighted<Ranks>[] {
  const thread = threads.find((t) => ranks.rank[t] < 0);
  if (thread === undefined) return [{ is: ranks, p: 1 }];
  const gaps = ranks.draws + 1;
  return Array.from({ length: gaps }, (_, gap) => {
    const rank = ranks.rank.map((r, t) => (t === thread ? gap : r >= gap ? r + 1 : r));
    return drawn({ rank, draws: gaps }, threads).map(({ is, p }) => ({ is, p: p / gaps }));
  }).flat();
}

function noRanks({ threads }: TinyProgram): Ranks {
  return { rank: threads.map(() => -1), draws: 0 };
}
function topOf(rank: readonly number[], threads: readonly number[]): number {
  return threads.reduce((a, b) => (rank[b] > rank[a] ? b : a));
}
function without(rank: readonly number[], lost: (thread: number) => boolean): number[] {
  return rank.map((r, thread) => (lost(thread) ? -1 : r));
}

/** POS. */
export const PARTIAL_ORDER: Chain<Ranks> = {
  start: (program) => [{ is: noRanks(program), p: 1 }],
  moves(at, memory) {
    const enabled = at.enabled();
    return drawn(memory, enabled).map(({ is: { rank, draws }, p }) => {
      const thread = topOf(rank, enabled);
      const races = (other: number): boolean => other === thread || racing(at, thread, other);
      return { is: { thread, memory: { rank: without(rank, races), draws } }, p };
    });
  },
};

function racing(at: TinyState, a: number, b: number): boolean {
  const [x, y] = [at.pending(a), at.pending(b)];
  return wordOf(x) >= 0 && wordOf(x) === wordOf(y) && (x?.do === 'write' || y?.do === 'write');
}

interface Selective extends Ranks {
  /** The word whose accesses are ordered uniformly, or -1. */
  readonly word: number;
  readonly intended: number;
}

/** SURW with exact counts. */
export const SELECTIVE: Chain<Selective> = {
  start(program) {
    const accesses = program.words.map((_, word) => ({
      word,
      all: program.threads.reduce((sum, ops) => sum + ops.filter((op) => wordOf(op) === word).length, 0),
      threads: program.threads.filter((ops) => ops.some((op) => wordOf(op) === word)).length,
    }));
    const shared = accesses.filter(({ threads }) => threads > 1);
    const sum = shared.reduce((total, { all }) => total + all, 0);
    const nothing = { ...noRanks(program), intended: NOBODY };
    if (sum === 0) return [{ is: { ...nothing, word: -1 }, p: 1 }];
    return shared.map(({ word, all }) => ({ is: { ...nothing, word }, p: all / sum }));
  },
  moves(at, memory) {
    return intentions(at, memory).flatMap(({ is: intended, p }) =>
      selected(at, { ...memory, intended }, at.enabled()).map(({ is, p: q }) => ({ is, p: p * q })),
    );
  },
};

function intentions(at: TinyState, { word, intended }: Selective): Weighted<number>[] {
  if (intended !== NOBODY || word < 0) return [{ is: intended, p: 1 }];
  const left = at.enabled().map((thread) => ({
    thread,
    n: at.program.threads[thread].slice(at.next[thread]).filter((op) => wordOf(op) === word).length,
  }));
  const sum = left.reduce((total, { n }) => total + n, 0);
  if (sum === 0) return [{ is: NOBODY, p: 1 }];
  return left.filter(({ n }) => n > 0).map(({ thread, n }) => ({ is: thread, p: n / sum }));
}

/** The highest thread, but those that come to the word uninvited wait: they stay parked until somebody has had it. */
function selected(at: TinyState, memory: Selective, among: readonly number[]): Weighted<Move<Selective>>[] {
  const { word, intended } = memory;
  return drawn(memory, among).flatMap(({ is: { rank, draws }, p }) => {
    const waits = (t: number): boolean => word >= 0 && wordOf(at.pending(t)) === word && t !== intended;
    const free = among.filter((t) => !waits(t));
    const thread = topOf(rank, free.length > 0 ? free : among);
    const had = word >= 0 && wordOf(at.pending(thread)) === word;
    const then = { rank: without(rank, (t) => t === thread), draws, word, intended: had ? NOBODY : intended };
    return [{ is: { thread, memory: then }, p }];
  });
}
