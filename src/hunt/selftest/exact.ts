/**
 * Exact chances, by enumeration. A strategy on a tiny program is a Markov chain: what it remembers of its random draws, and
 * for each state of the program which thread comes next with which probability. States that have the same future are
 * counted once.
 */
import type { TinyProgram } from '../../program/tiny-program.ts';
import { TinyState } from './tiny-run.ts';

export interface Weighted<T> {
  readonly is: T;
  readonly p: number;
}

/** The thread that comes next, and what the strategy remembers then. */
export interface Move<Memory> {
  readonly thread: number;
  readonly memory: Memory;
}

export interface Chain<Memory> {
  start(program: TinyProgram): Weighted<Memory>[];
  moves(at: TinyState, memory: Memory): Weighted<Move<Memory>>[];
}

/** States after which an enumeration is given up: a second or two. */
const MOST_STATES = 300_000;

/** The chance that a run of the program ends in a hit; undefined if there are too many states to tell. */
export function chanceOfHit<Memory>(program: TinyProgram, chain: Chain<Memory>): number | undefined {
  const known = new Map<string, number>();
  const from = (at: TinyState, memory: Memory): number => {
    if (at.enabled().length === 0) return at.isHit() ? 1 : 0;
    const key = `${at.key()} ${JSON.stringify(memory)}`;
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    if (known.size >= MOST_STATES) return Number.NaN;
    let sum = 0;
    for (const { is, p } of chain.moves(at, memory)) {
      const then = at.clone();
      then.step(is.thread);
      sum += p * from(then, is.memory);
      if (Number.isNaN(sum)) return sum;
    }
    known.set(key, sum);
    return sum;
  };
  const chance = chain.start(program).reduce((sum, { is, p }) => sum + p * from(new TinyState(program), is), 0);
  return Number.isNaN(chance) ? undefined : chance;
}

/** The chance of each order of events. */
export function chanceOfOrders<Memory>(program: TinyProgram, chain: Chain<Memory>): Map<string, number> {
  type Place = { order: string; at: TinyState; memory: Memory; p: number };
  let front: Place[] = chain.start(program).map(({ is, p }) => ({
    order: '',
    at: new TinyState(program),
    memory: is,
    p,
  }));
  const ends = new Map<string, number>();
  while (front.length > 0) {
    const merged = new Map<string, Place>();
    for (const { order, at, memory, p } of front) {
      if (at.enabled().length === 0) {
        ends.set(order, (ends.get(order) ?? 0) + p);
        continue;
      }
      for (const { is, p: q } of chain.moves(at, memory)) {
        const next = `${order}${is.thread}`;
        const key = `${next} ${JSON.stringify(is.memory)}`;
        const there = merged.get(key);
        if (there) there.p += p * q;
        else {
          const then = at.clone();
          then.step(is.thread);
          merged.set(key, { order: next, at: then, memory: is.memory, p: p * q });
        }
      }
    }
    front = [...merged.values()];
  }
  return ends;
}
