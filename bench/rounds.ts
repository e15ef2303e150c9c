/** Interleaved rounds: every case is timed once per round, so that what disturbs the host disturbs all cases alike. */
import { Bench } from 'tinybench';

/** Times calls of each case: rounds at least 5 for a figure that is to be believed. */
export interface RoundOptions {
  readonly rounds: number;
  /** Milliseconds that each case gets in each round. */
  readonly milliseconds: number;
}

/** What the rounds of one case measured. */
export interface Timing {
  /** Calls per second, median of the rounds. */
  readonly perSecond: number;
  /** Fastest round minus slowest, in per cent of the median. */
  readonly spreadPercent: number;
}

/** Spread of the bare side above which a comparison says nothing. */
export const INCONCLUSIVE_PERCENT = 30;

/** Runs all cases, round by round, each with a warm-up of its own before the first. */
export function interleaved<Name extends string>(
  cases: Readonly<Record<Name, () => void>>,
  { rounds, milliseconds }: RoundOptions,
): Record<Name, Timing> {
  const names = Object.keys(cases) as Name[];
  const rates = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const bench = new Bench({
      time: milliseconds,
      iterations: 1,
      warmup: round === 0,
      warmupTime: milliseconds,
      warmupIterations: 1,
      throws: true,
    });
    for (const name of names) bench.add(name, cases[name]);
    bench.runSync();
    for (const task of bench.tasks) {
      if (!('latency' in task.result)) throw new Error(`${task.name} was not timed: ${task.result.state}`);
      rates.get(task.name as Name)?.push(1000 / task.result.latency.mean);
    }
  }
  return Object.fromEntries(names.map((name) => [name, timing(rates.get(name) ?? [])])) as Record<Name, Timing>;
}

function timing(rates: readonly number[]): Timing {
  const sorted = [...rates].sort((a, b) => a - b);
  const perSecond = sorted[(sorted.length - 1) >> 1];
  return { perSecond, spreadPercent: ((sorted[sorted.length - 1] - sorted[0]) / perSecond) * 100 };
}
