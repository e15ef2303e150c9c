/** What policies cost beside the baseline: a table of counters with their spread, and bars for the two that matter most. */
import { COUNTER_NAMES, COUNTER_SAYS, type CounterName } from '../measure/counters.ts';
import type { MeasureResult, PolicyMeasure } from '../measure/experiments.ts';
import { figure, type Spread } from '../measure/statistics.ts';
import { escapeHtml } from './html-text.ts';

/** The two axes on which policies are compared: what was asked for, and how often a handler ran. */
const AXES: readonly CounterName[] = ['requests', 'handlerRuns'];

const BAR_WIDTH = 420;
const BAR = 22;
const NAMES = 130;

/** @param result what was measured; only counters that some policy moved are shown. */
export function savingsHtml(result: MeasureResult): string {
  const measured = result.policies.filter((p) => p.failed === undefined);
  const broken = result.policies.filter((p) => p.failed !== undefined);
  const shown = COUNTER_NAMES.filter((name) => measured.some((p) => rangeOf(p, name).max !== 0));
  const heads = measured.map((p) => `<th>${escapeHtml(p.name)}${p.name === result.baseline ? ' (baseline)' : ''}</th>`);
  const rows = shown.map((name) => {
    const cells = measured.map((p) => cell(p, name, result));
    return `<tr><th title="${escapeHtml(COUNTER_SAYS[name])}">${name}</th>${cells.join('')}</tr>`;
  });
  return [
    `<p>${escapeHtml(result.workload)}, cost profile ${escapeHtml(result.costs)}, ${result.seeds} seeds${result.headline === '' ? '' : `; figures for touches "${escapeHtml(result.headline)}", ranges over all touch inferences and seeds`}.</p>`,
    ...broken.map(
      (p) => `<p class="bad">${escapeHtml(p.name)} could not be measured: ${escapeHtml(p.failed ?? '')}</p>`,
    ),
    ...AXES.map((name) => barsSvg(measured, name)),
    `<table class="savings"><tr><th></th>${heads.join('')}</tr>${rows.join('')}</table>`,
  ].join('\n');
}

function cell(policy: PolicyMeasure, name: CounterName, result: MeasureResult): string {
  const value = headline(policy, name, result.headline);
  const { min, max } = rangeOf(policy, name);
  const range = min === max ? '' : `<small>${figure(min)} … ${figure(max)}</small>`;
  const change = policy.vsBaseline[name];
  const versus =
    policy.name === result.baseline || change === undefined
      ? ''
      : `<br><b>${percent(change.median)}</b> <small>${percent(change.min)} … ${percent(change.max)}</small>`;
  return `<td>${figure(value)} ${range}${versus}</td>`;
}

function headline(policy: PolicyMeasure, name: CounterName, variant: string): number {
  const sample = policy.samples.find((s) => s.variant === variant) ?? policy.samples[0];
  return sample.counters[name];
}

function rangeOf(policy: PolicyMeasure, name: CounterName): Spread {
  const all = policy.samples.map((s) => s.spread[name]);
  return { min: Math.min(...all.map((s) => s.min)), max: Math.max(...all.map((s) => s.max)) };
}

/** One bar a policy: the range over everything that was varied, with a line at each sample's median. */
function barsSvg(policies: readonly PolicyMeasure[], name: CounterName): string {
  const most = Math.max(1, ...policies.map((p) => rangeOf(p, name).max));
  const x = (value: number): number => NAMES + Math.round((value / most) * BAR_WIDTH);
  const rows = policies.map((policy, i) => {
    const { min, max } = rangeOf(policy, name);
    const y = i * BAR + 20;
    const medians = policy.samples.map(
      (s) =>
        `<line class="median" x1="${x(s.counters[name])}" x2="${x(s.counters[name])}" y1="${y - 12}" y2="${y + 2}"><title>${escapeHtml(s.variant)}: ${figure(s.counters[name])}</title></line>`,
    );
    return [
      `<text x="4" y="${y}">${escapeHtml(policy.name)}</text>`,
      `<rect class="bar" x="${NAMES}" y="${y - 10}" width="${x(min) - NAMES}" height="10"/>`,
      `<rect class="range" x="${x(min)}" y="${y - 10}" width="${Math.max(1, x(max) - x(min))}" height="10"/>`,
      ...medians,
      `<text x="${x(max) + 6}" y="${y}">${figure(min)}${min === max ? '' : ` … ${figure(max)}`}</text>`,
    ].join('');
  });
  const height = policies.length * BAR + 12;
  return `<figure><figcaption>${name}: ${escapeHtml(COUNTER_SAYS[name])}</figcaption><svg width="${NAMES + BAR_WIDTH + 180}" height="${height}">${rows.join('')}</svg></figure>`;
}

function percent(value: number): string {
  return `${value >= 0 ? '+' : ''}${value.toFixed(1)} %`;
}
