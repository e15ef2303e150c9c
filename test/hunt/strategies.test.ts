import { describe, expect, it } from 'vitest';
import { type Choice, choice, choiceCpu, RUN } from '#tlblab/engine/choice.js';
import type { Stepper } from '#tlblab/engine/stepper.js';
import { randomFrom } from '#tlblab/hunt/random.js';
import { Exhaustive } from '#tlblab/hunt/strategies/exhaustive.js';
import { Pct } from '#tlblab/hunt/strategies/pct.js';
import { RandomWalk } from '#tlblab/hunt/strategies/random-walk.js';
import type { Strategy } from '#tlblab/hunt/strategies/strategy.js';

/** Threads of numbered steps in place of a machine: what a strategy sees of a stepper, and nothing else. */
class Toy {
  choices: Choice[] = [];
  steps = 0;
  readonly machine: { geometry: { cpus: number } };
  private readonly done: number[];

  constructor(private readonly lengths: readonly number[]) {
    this.machine = { geometry: { cpus: lengths.length } };
    this.done = lengths.map(() => 0);
    this.reset();
  }
  reset(): void {
    this.done.fill(0);
    this.steps = 0;
    this.find();
  }
  /** One run: the threads in the order in which they stepped. */
  run(strategy: Strategy): string {
    let order = '';
    while (this.choices.length > 0) {
      const cpu = choiceCpu(strategy.choose(this as unknown as Stepper) as Choice);
      this.done[cpu]++;
      this.steps++;
      order += cpu;
      this.find();
    }
    return order;
  }
  private find(): void {
    this.choices = this.lengths.flatMap((n, cpu) => (this.done[cpu] < n ? [choice(RUN, cpu)] : []));
  }
}

const QUIET = { actions: 0, ticks: 0 };
const asStepper = (toy: Toy): Stepper => toy as unknown as Stepper;

/** How often `failed` holds in `runs` runs. */
function hits(lengths: number[], strategy: Strategy, failed: (order: string) => boolean, runs = 20_000): number {
  const toy = new Toy(lengths);
  let n = 0;
  for (let i = 0; i < runs; i++) {
    toy.reset();
    strategy.begin(asStepper(toy));
    if (failed(toy.run(strategy))) n++;
  }
  return n;
}

/** Within four standard deviations of the exact probability. */
function expectShare(n: number, p: number, runs = 20_000): void {
  expect(Math.abs(n - runs * p)).toBeLessThanOrEqual(4 * Math.sqrt(runs * p * (1 - p)));
}

// two threads of read; write: the update is lost unless one thread does both before the other starts
const lostUpdate = (order: string): boolean => order !== '0011' && order !== '1100';
// unmap; reuse against walk; fill; use: walk before unmap, use after reuse
const staleTlb = (order: string): boolean => {
  const at = (cpu: string, n: number): number => [...order].flatMap((c, i) => (c === cpu ? [i] : []))[n];
  return at('1', 0) < at('0', 0) && at('1', 2) > at('0', 1);
};

describe('exact probabilities of the literature', () => {
  it('random walk: lost update 1/2, stale TLB 1/4', () => {
    expectShare(hits([2, 2], new RandomWalk(randomFrom(1), QUIET), lostUpdate), 1 / 2);
    expectShare(hits([2, 3], new RandomWalk(randomFrom(2), QUIET), staleTlb), 1 / 4);
  });

  it('PCT never hits a bug deeper than its depth', () => {
    expect(hits([2, 2], new Pct(randomFrom(3), 1, QUIET), lostUpdate, 2000)).toBe(0);
  });

  it('PCT-2 reaches what its bound promises', () => {
    const k = 5;
    expect(hits([2, 3], new Pct(randomFrom(4), 2, QUIET), staleTlb)).toBeGreaterThan((20_000 * 0.9) / (2 * k));
  });
});

describe('exhaustive', () => {
  it('runs every interleaving of 2 x 5 steps: 252, and then says so', () => {
    const toy = new Toy([5, 5]);
    const strategy = new Exhaustive();
    const orders = new Set<string>();
    while (strategy.begin()) {
      toy.reset();
      orders.add(toy.run(strategy));
    }
    expect(orders.size).toBe(252);
    expect(strategy.complete).toBe(true);
  });

  it('tries fewer preemptions first', () => {
    const toy = new Toy([3, 3]);
    const strategy = new Exhaustive();
    const first: string[] = [];
    for (let i = 0; i < 2; i++) {
      strategy.begin();
      toy.reset();
      first.push(toy.run(strategy));
    }
    expect(first).toEqual(['000111', '111000']);
  });

  it('stops at its bound without claiming completeness', () => {
    const toy = new Toy([4, 4]);
    const strategy = new Exhaustive(1);
    while (strategy.begin()) {
      toy.reset();
      toy.run(strategy);
    }
    expect(strategy.complete).toBe(false);
  });
});

it('one seed, one sequence of schedules', () => {
  const orders = (seed: number): string[] => {
    const toy = new Toy([4, 4, 4]);
    const strategy = new Pct(randomFrom(seed), 3, QUIET);
    return Array.from({ length: 50 }, () => {
      toy.reset();
      strategy.begin(asStepper(toy));
      return toy.run(strategy);
    });
  };
  expect(orders(7)).toEqual(orders(7));
  expect(orders(7)).not.toEqual(orders(8));
});
