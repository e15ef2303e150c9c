/** What `measure` prints: the contract's `{workload, policies: [{name, counters, vsBaseline}]}`, and the text form. */
import { COUNTER_NAMES, type CounterName, type Counters, countersJson } from './counters.ts';
import type { MeasureResult, PolicyMeasure, Sample } from './experiments.ts';
import type { Source } from './sources.ts';
import { type Change, figure, type Spread, zeroDayTable } from './statistics.ts';

/** A measurement with what was assumed for it. */
export interface Measured {
  readonly result: MeasureResult;
  readonly inference: Source['inference'];
  readonly notes: readonly string[];
}

export function measuredJson({ result, inference, notes }: Measured): Record<string, unknown> {
  const { workload, baseline, costs, seeds, headline, policies } = result;
  return {
    workload,
    costs,
    seeds,
    baseline,
    ...(headline === '' ? {} : { headline }),
    ...(inference.length === 0 ? {} : { inference }),
    notes,
    policies: policies.map((p) => policyJson(p, headline)),
  };
}

/** The figures of the headline, their spread over everything that was varied, and each variant. */
function policyJson(policy: PolicyMeasure, headline: string): Record<string, unknown> {
  const { name, failed, samples, vsBaseline } = policy;
  if (failed !== undefined) return { name, failed, counters: null, vsBaseline: {} };
  return {
    name,
    counters: countersJson(headlineOf(samples, headline).counters),
    spread: spreads(samples),
    vsBaseline: Object.fromEntries(Object.entries(vsBaseline).map(([key, change]) => [key, rounded(change)])),
    ...(samples.length > 1
      ? { variants: samples.map((s) => ({ touch: s.variant, counters: countersJson(s.counters) })) }
      : {}),
  };
}

/** Six counters for each policy, then each against the baseline as kernel test robots mail it. */
export function measuredText({ result, notes }: Measured): string {
  const { policies, baseline, headline, workload, costs, seeds } = result;
  const base = policies.find((p) => p.name === baseline);
  const about = `${workload}, cost profile ${costs}, ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}${headline === '' ? '' : `, touches ${headline}`}`;
  const broken = policies
    .filter((p) => p.failed !== undefined)
    .map((p) => `${p.name}: could not be measured: ${p.failed}`);
  const tables = policies
    .filter((p) => p !== base && p.failed === undefined && base?.failed === undefined)
    .map((p) => comparison(base as PolicyMeasure, p, headline));
  const alone = policies.length === 1 && base ? [comparison(base, base, headline)] : [];
  const head = [about, ...notes.map((n) => `  ${n}`), ...broken].join('\n');
  return [head, ...tables, ...alone].join('\n\n');
}

/** What a policy costs in one line: the counters of shootdowns, and the CPU time. */
const IN_TABLE: readonly CounterName[] = ['requests', 'ipisSent', 'handlerRuns', 'fullFlushes', 'deferred', 'cycles'];

/** A Markdown table, a line for each policy: medians, and their change against the baseline. */
export function measuredTable({ result }: Measured): string {
  const { policies, baseline, headline, workload, costs, seeds } = result;
  const cellsOf = (policy: PolicyMeasure): string[] => {
    if (policy.failed !== undefined)
      return [`could not be measured: ${policy.failed}`, ...IN_TABLE.slice(1).map(() => '')];
    const { counters } = headlineOf(policy.samples, headline);
    return IN_TABLE.map((name) => {
      const against = policy.vsBaseline[name];
      const change = policy.name === baseline || !against ? '' : ` (${percent(against.median)})`;
      return `${figure(counters[name])}${change}`;
    });
  };
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    `${workload}, cost profile ${costs}, median of ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}; in brackets the change against ${baseline}`,
    '',
    row(['policy', ...IN_TABLE]),
    row(['policy', ...IN_TABLE].map(() => '---')),
    ...policies.map((p) => row([p.name, ...cellsOf(p)])),
  ].join('\n');
}

function comparison(base: PolicyMeasure, policy: PolicyMeasure, headline: string): string {
  const values = (p: PolicyMeasure, name: CounterName): number[] =>
    headlineOf(p.samples, headline).each.map((c: Counters) => c[name]);
  const rows = COUNTER_NAMES.map((metric) => ({ metric, base: values(base, metric), values: values(policy, metric) }));
  const table = zeroDayTable(base.name, policy.name, rows);
  if (policy.samples.length < 2) return table;
  const ranges = (['requests', 'handlerRuns', 'cycles'] as const).map((name) => {
    const change = policy.vsBaseline[name];
    const versus = change ? `; against ${base.name} ${percent(change.min)} to ${percent(change.max)}` : '';
    const { min, max } = spreadOver(policy.samples, name);
    return `  over all touch inferences and seeds: ${name} ${min} to ${max}${versus}`;
  });
  return [table, ...ranges].join('\n');
}

function headlineOf(samples: readonly Sample[], headline: string): Sample {
  return samples.find((s) => s.variant === headline) ?? samples[0];
}

function spreads(samples: readonly Sample[]): Record<string, Spread> {
  return Object.fromEntries(COUNTER_NAMES.map((name) => [name, spreadOver(samples, name)]));
}

function spreadOver(samples: readonly Sample[], name: CounterName): Spread {
  const all = samples.map((s) => s.spread[name]);
  return { min: Math.min(...all.map((s) => s.min)), max: Math.max(...all.map((s) => s.max)) };
}

/** Two decimals are more than the figures bear. */
function rounded({ median, min, max }: Change): Change {
  const two = (value: number): number => Number(value.toFixed(2));
  return { median: two(median), min: two(min), max: two(max) };
}

function percent(value: number): string {
  return `${value >= 0 ? '+' : ''}${value.toFixed(1)} %`;
}
