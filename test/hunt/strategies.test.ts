import { describe, expect, it } from 'vitest';
import { Portfolio, STRATEGY_NAMES, strategyNamed } from '#tlblab/hunt/portfolio.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { twoBy } from '#tlblab/hunt/selftest/programs.js';
import { TinyRun } from '#tlblab/hunt/selftest/tiny-run.js';
import { Icb } from '#tlblab/hunt/strategies/icb.js';
import { RandomWalk } from '#tlblab/hunt/strategies/random-walk.js';
import { Replay } from '#tlblab/hunt/strategies/replay.js';
import type { Strategy } from '#tlblab/hunt/strategies/strategy.js';

const QUIET = { actions: 0, ticks: 0 };

/** The orders of the threads in so many runs of two threads of n events; fewer if the strategy ends. */
function ordersOf(strategy: Strategy, n: number, runs: number): string[] {
  const run = new TinyRun(twoBy(n));
  const orders: string[] = [];
  while (orders.length < runs && strategy.begin(run)) orders.push(run.execute(strategy).order);
  return orders;
}

describe('icb', () => {
  it('runs every interleaving of 2 x 5 steps: 252, and then says so', () => {
    const strategy = new Icb();
    expect(new Set(ordersOf(strategy, 5, 10_000)).size).toBe(252);
    expect(strategy.complete).toBe(true);
  });

  it('tries fewer preemptions first', () => {
    expect(ordersOf(new Icb(), 3, 2)).toEqual(['000111', '111000']);
  });

  it('stops at its bound without claiming completeness, and says how far it came', () => {
    const strategy = new Icb(1);
    // no preemption: 2 orders; one: the running thread stops behind 1 to 3 of its events; the sweeps repeat what is cheaper
    expect(new Set(ordersOf(strategy, 4, 10_000)).size).toBe(2 + 2 * 3);
    expect(strategy.complete).toBe(false);
    expect(strategy.figures()).toEqual({ preemptions: 1 });
  });
});

describe('replay', () => {
  it('follows a part of the recording, then goes on at random', () => {
    const [recorded] = ordersOf(new RandomWalk(randomFrom(3), QUIET), 6, 1);
    const choices = [...recorded].map((cpu) => Number(cpu) << 20);
    const orders = ordersOf(new Replay(randomFrom(4), choices, new RandomWalk(randomFrom(5), QUIET)), 6, 400);
    const common = orders.map((order) => [...order].findIndex((c, i) => c !== recorded[i]));
    expect(common).toContain(-1);
    expect(new Set(common).size).toBeGreaterThan(8);
  });
});

describe('the portfolio', () => {
  it('gives more schedules to what shows more, and some to all', () => {
    const names = ['a', 'b', 'c'] as const;
    const portfolio = new Portfolio(names);
    const had = { a: 0, b: 0, c: 0 };
    for (let i = 0; i < 600; i++) {
      const name = portfolio.due(names);
      had[name]++;
      portfolio.had(name, name === 'b' ? 1 : 0);
    }
    expect(had.b).toBeGreaterThan(1.5 * had.a);
    expect(Math.min(had.a, had.c)).toBeGreaterThan(100);
  });

  it('shares alike as long as nobody shows anything', () => {
    const portfolio = new Portfolio(['a', 'b']);
    const turns = Array.from({ length: 4 }, () => {
      const name = portfolio.due(['a', 'b']);
      portfolio.had(name, 0);
      return name;
    });
    expect(turns).toEqual(['a', 'b', 'a', 'b']);
  });
});

it('one seed, one sequence of schedules, whatever the strategy', () => {
  for (const name of STRATEGY_NAMES) {
    const orders = (seed: number) => ordersOf(strategyNamed(name, randomFrom(seed), QUIET), 4, 50);
    expect(orders(7), name).toEqual(orders(7));
    if (!/icb|exhaustive/.test(name)) expect(orders(7), name).not.toEqual(orders(8));
  }
});
