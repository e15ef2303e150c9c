/**
 * Strategies against what is known exactly: how often each hits the bug of a tiny program, how often each order of events
 * comes, and how many traces an exhaustive search has. A strategy that is right is beyond the bound of four standard
 * deviations in about one of 16,000 rows.
 */
import type { TinyProgram } from '../../program/tiny-program.ts';
import { type StrategyName, strategyNamed } from '../portfolio.ts';
import { randomFrom } from '../random.ts';
import { SleepSets } from '../strategies/sleep-sets.ts';
import { COARSE, PARTIAL_ORDER, pct, SELECTIVE, UNIFORM, walk } from './chains.ts';
import { type Chain, chanceOfHit, chanceOfOrders } from './exact.ts';
import { HIT_PROGRAMS, lastZero, readers, twoBy } from './programs.ts';
import { TinyRun } from './tiny-run.ts';

/** Standard deviations up to which a strategy counts as right. */
export const BOUND = 4;
/** Runs per program and strategy. */
export const RUNS = 20_000;
/** Runs for the orders of two threads of five events: a hundred for each of the 252. */
const ORDER_RUNS = 25_200;
/** Expected number of times from which on a chi-square may count an order by itself. */
const LEAST_MEAN = 5;

/** How often a program was hit. */
export interface ChanceRow {
  readonly program: string;
  readonly strategy: StrategyName;
  readonly runs: number;
  /** Exact chance of a hit per run; undefined if it is not known. */
  readonly expected: number | undefined;
  readonly seen: number;
  readonly deviations: number;
  readonly ok: boolean;
}

/** How evenly orders of events came, against the exact chance of each. */
export interface OrderRow {
  readonly program: string;
  readonly strategy: StrategyName;
  readonly runs: number;
  /** Orders that the strategy can show, and those it showed. */
  readonly expected: number;
  readonly seen: number;
  readonly chiSquare: number;
  readonly deviations: number;
  readonly ok: boolean;
}

/** How many traces sleep sets leave. `expected` as published or enumerated. */
export interface CountRow {
  readonly program: string;
  readonly expected: { readonly traces: number; readonly blocked: number };
  readonly seen: { readonly traces: number; readonly blocked: number };
  readonly ok: boolean;
}

export interface SelftestResult {
  readonly chances: readonly ChanceRow[];
  readonly orders: readonly OrderRow[];
  readonly counts: readonly CountRow[];
}

const QUIET = { actions: 0, ticks: 0 };

const CHAINS = {
  random: walk(0),
  sticky: walk(7 / 8),
  // an operation of a tiny program is one event
  operations: walk(0),
  'preempt-1': COARSE,
  'preempt-2': COARSE,
  'pct-1': pct(1),
  'pct-2': pct(2),
  'pct-3': pct(3),
  pos: PARTIAL_ORDER,
  urw: UNIFORM,
  surw: SELECTIVE,
} as unknown as Readonly<Partial<Record<StrategyName, Chain<unknown>>>>;

/** The strategies whose chances can be computed. */
export const TESTED = Object.keys(CHAINS) as StrategyName[];

/** Strategies that go by the number of events of earlier runs. */
const COUNTING = /^(pct|urw|surw)/;

export function selftest(seed: number, runs: number, strategies: readonly StrategyName[] = TESTED): SelftestResult {
  return {
    chances: HIT_PROGRAMS.flatMap((program) => strategies.map((name) => chanceRow(program, name, seed, runs))),
    orders: strategies.map((name) => orderRow(twoBy(5), name, seed)),
    counts: [
      ...[2, 3, 4].map((n) => countRow(readers(n), 2 ** n, [1, 6, 25][n - 2])),
      ...[2, 3, 4].map((n) => countRow(lastZero(n), (n + 3) * 2 ** (n - 2), [3, 18, 84][n - 2])),
      countRow(twoBy(5), 252, 0),
    ],
  };
}

/** How often the strategy hits the bug of the program. */
export function chanceRow(program: TinyProgram, strategy: StrategyName, seed: number, runs: number): ChanceRow {
  const expected = chanceOf(program, strategy);
  let seen = 0;
  sample(program, strategy, seed, runs, ({ hit }) => {
    if (hit) seen++;
  });
  const deviations = expected === undefined ? 0 : deviationsOf(seen, runs, expected);
  return { program: program.name, strategy, runs, expected, seen, deviations, ok: Math.abs(deviations) <= BOUND };
}

/** undefined: too many states, or a strategy that counts events, on a program whose threads end sooner or later. */
function chanceOf(program: TinyProgram, strategy: StrategyName): number | undefined {
  const chain = CHAINS[strategy];
  const varies = program.threads.some((ops) => ops.some((op) => op.do === 'read' && op.until !== undefined));
  return chain === undefined || (varies && COUNTING.test(strategy)) ? undefined : chanceOfHit(program, chain);
}

function orderRow(program: TinyProgram, strategy: StrategyName, seed: number): OrderRow {
  const chances = chanceOfOrders(program, CHAINS[strategy] as Chain<unknown>);
  const seen = new Map<string, number>();
  sample(program, strategy, seed, ORDER_RUNS, ({ order }) => seen.set(order, (seen.get(order) ?? 0) + 1));
  const impossible = [...seen.keys()].some((order) => !chances.has(order));
  const cells = pooled([...chances].map(([order, p]) => ({ mean: ORDER_RUNS * p, seen: seen.get(order) ?? 0 })));
  const chiSquare = cells.reduce((sum, c) => sum + (c.seen - c.mean) ** 2 / c.mean, 0);
  const degrees = cells.length - 1;
  const deviations = impossible ? Number.POSITIVE_INFINITY : (chiSquare - degrees) / Math.sqrt(2 * degrees);
  const about = { program: program.name, strategy, runs: ORDER_RUNS, expected: chances.size, seen: seen.size };
  return { ...about, chiSquare, deviations, ok: Math.abs(deviations) <= BOUND };
}

interface Cell {
  readonly mean: number;
  readonly seen: number;
}

/** Orders too rare for a chi-square are counted as one. */
function pooled(cells: readonly Cell[]): Cell[] {
  const rare = cells.filter(({ mean }) => mean < LEAST_MEAN);
  const sum = (of: (cell: Cell) => number): number => rare.reduce((total, cell) => total + of(cell), 0);
  const common = cells.filter(({ mean }) => mean >= LEAST_MEAN);
  return rare.length === 0 ? common : [...common, { mean: sum((c) => c.mean), seen: sum((c) => c.seen) }];
}

function countRow(program: TinyProgram, traces: number, blocked: number): CountRow {
  const search = new SleepSets();
  const run = new TinyRun(program);
  while (search.begin()) run.execute(search);
  const seen = search.figures();
  const ok = search.complete && seen.traces === traces && seen.blocked === blocked;
  return { program: program.name, expected: { traces, blocked }, seen, ok };
}

function sample(
  program: TinyProgram,
  name: StrategyName,
  seed: number,
  runs: number,
  each: (outcome: ReturnType<TinyRun['execute']>) => void,
): void {
  const strategy = strategyNamed(name, randomFrom(seed), QUIET);
  const run = new TinyRun(program);
  for (let i = 0; i < runs && strategy.begin(run); i++) each(run.execute(strategy));
}

function deviationsOf(seen: number, runs: number, p: number): number {
  const difference = seen - runs * p;
  if (Math.abs(difference) < 1e-9) return 0;
  // what is certain, or impossible, has no deviation
  return p <= 0 || p >= 1
    ? Math.sign(difference) * Number.POSITIVE_INFINITY
    : difference / Math.sqrt(runs * p * (1 - p));
}
