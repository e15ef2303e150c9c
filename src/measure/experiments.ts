/**
 * Experiments: the same programs under several policies, run in the order of time, counted and compared. A workload gives
 * one program per seed, a trace one per seed and touch inference; seeds vary placement, sampling and when CPUs start.
 * Everything follows from the arguments: two runs of one experiment give the same figures.
 */
import type { MachinePlan } from '../engine/machine-plan.ts';
import { Stepper } from '../engine/stepper.ts';
import { COST_PROFILES } from '../hardware/costs.ts';
import { randomFrom } from '../hunt/random.ts';
import type { Patch, Policy } from '../policy/policy.ts';
import type { Program } from '../program/program.ts';
import { Clock } from './clock.ts';
import { COUNTER_NAMES, type CounterName, type Counters, countersOf, countersSince } from './counters.ts';
import { type Change, changes, median, type Spread, spreadOf } from './statistics.ts';

/** One program to be run under every policy. */
export interface Run {
  readonly seed: number;
  /** What was assumed to make the program; runs of one variant are summed up together. Empty: nothing. */
  readonly variant: string;
  readonly program: Program;
}

/** A policy, or one with patches put into it or its kernel. */
export interface Subject {
  readonly name: string;
  readonly policy: Policy;
  readonly patches: readonly Patch[];
}

export interface MeasureOptions {
  readonly workload: string;
  readonly runs: readonly Run[];
  /** The variant whose figures are the headline; the others widen the range. */
  readonly headline: string;
  readonly policies: readonly Subject[];
  /** What the others are compared with; measured too, whether or not it is among them. */
  readonly baseline: Subject;
  /** Name of a cost profile. */
  readonly costs: string;
  progress?(done: number, total: number): void;
}

/** What the runs of one variant counted. */
export interface Sample {
  readonly variant: string;
  /** Median over seeds. */
  readonly counters: Counters;
  readonly spread: Readonly<Record<CounterName, Spread>>;
  /** Every run, in the order of seeds. */
  readonly each: readonly Counters[];
}

export interface PolicyMeasure {
  readonly name: string;
  /** Why it could not be measured, if so: a broken policy may break the machine. There are no samples then. */
  readonly failed: string | undefined;
  readonly samples: readonly Sample[];
  /** Change against the baseline in per cent, run by run alike: median of the headline, range over all variants and seeds. */
  readonly vsBaseline: Readonly<Partial<Record<CounterName, Change>>>;
}

export interface MeasureResult {
  readonly workload: string;
  readonly baseline: string;
  readonly costs: string;
  readonly headline: string;
  readonly seeds: number;
  readonly policies: readonly PolicyMeasure[];
}

/** A run did not come to its end: the policy, or the model, broke the machine. */
export class RunFailed extends Error {}

/** Far above what any measured program needs. */
const MAX_STEPS = 50_000_000;
/** Linux HZ=1000. */
const TICKS_PER_SECOND = 1000;

export function measure(options: MeasureOptions): MeasureResult {
  const { runs, baseline, headline } = options;
  const policies = options.policies.some((p) => p.name === baseline.name)
    ? options.policies
    : [baseline, ...options.policies];
  const total = runs.length * policies.length;
  const counted = new Map<string, Counters[] | RunFailed>();
  let done = 0;
  for (const policy of policies) {
    counted.set(
      policy.name,
      countAll(policy, options, () => options.progress?.(++done, total)),
    );
  }
  const base = counted.get(baseline.name);
  return {
    workload: options.workload,
    baseline: baseline.name,
    costs: options.costs,
    headline,
    seeds: new Set(runs.map((r) => r.seed)).size,
    policies: policies.map(({ name }) => {
      const mine = counted.get(name) as Counters[] | RunFailed;
      if (mine instanceof RunFailed) return { name, failed: mine.message, samples: [], vsBaseline: {} };
      return {
        name,
        failed: undefined,
        samples: samplesOf(runs, mine),
        vsBaseline: Array.isArray(base) ? compare(runs, headline, base, mine) : {},
      };
    }),
  };
}

/** Counts one run. @throws RunFailed if it does not end, or if the machine breaks. */
export function countRun(plan: MachinePlan, seed: number): Counters {
  const stepper = new Stepper({ ...plan, checks: { access: false, hash: false } });
  const { columns, geometry } = stepper.machine;
  const costs = COST_PROFILES[plan.costs];
  const random = randomFrom(seed, 2);
  const before = countersOf(columns, geometry.cpus);
  const second = (costs?.cyclesPerMicrosecond ?? 0) * 1e6;
  const clock = new Clock(stepper, {
    tickCycles: second / TICKS_PER_SECOND,
    startsAfter: Array.from({ length: geometry.cpus }, () => random.below(1 + (costs?.cyclesPerMicrosecond ?? 0))),
  });
  let end: ReturnType<Stepper['run']>;
  try {
    end = stepper.run(clock.choose, MAX_STEPS);
  } catch (error) {
    throw new RunFailed(
      `${plan.program.name}, seed ${seed}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (end !== 'finished') {
    const { oracle } = stepper.machine;
    const why = end === 'deadlock' ? stepper.whoWaits() : (oracle?.violation?.says ?? `after ${stepper.steps} steps`);
    throw new RunFailed(`${plan.program.name}, seed ${seed}: ${end}: ${why}`);
  }
  return countersSince(before, countersOf(columns, geometry.cpus), clock.times);
}

function countAll(
  { policy, patches }: Subject,
  { runs, costs }: MeasureOptions,
  done: () => void,
): Counters[] | RunFailed {
  const counted: Counters[] = [];
  for (const { program, seed } of runs) {
    try {
      counted.push(countRun({ program, policy, patches, oracle: undefined, costs }, seed));
    } catch (error) {
      if (error instanceof RunFailed) return error;
      throw error;
    }
    done();
  }
  return counted;
}

function samplesOf(runs: readonly Run[], counted: readonly Counters[]): Sample[] {
  const variants = [...new Set(runs.map((r) => r.variant))];
  return variants.map((variant) => {
    const each = counted.filter((_, i) => runs[i].variant === variant);
    const of = <T>(pick: (values: number[]) => T): Record<CounterName, T> =>
      Object.fromEntries(COUNTER_NAMES.map((name) => [name, pick(each.map((c) => c[name]))])) as Record<CounterName, T>;
    return { variant, counters: of(median), spread: of(spreadOf), each };
  });
}

function compare(
  runs: readonly Run[],
  headline: string,
  base: readonly Counters[],
  mine: readonly Counters[],
): Partial<Record<CounterName, Change>> {
  const isHeadline = (_: unknown, i: number): boolean => runs[i].variant === headline;
  const result: Partial<Record<CounterName, Change>> = {};
  for (const name of COUNTER_NAMES) {
    const pick = (counters: readonly Counters[]): number[] => counters.map((c) => c[name]);
    const all = changes(pick(base), pick(mine));
    const first = changes(pick(base.filter(isHeadline)), pick(mine.filter(isHeadline)));
    if (first) result[name] = { median: first.median, min: all?.min ?? first.min, max: all?.max ?? first.max };
  }
  return result;
}
