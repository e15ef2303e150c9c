/** Medians and spreads, and the table in which kernel test robots mail comparisons: base, spread, change, new. */

/** Median of the values; of an even number the lower of the middle two, so that it is a value that was measured. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median of no values');
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1];
}

export interface Spread {
  readonly min: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { min: Math.min(...values), max: Math.max(...values) };
}

/** Standard deviation in per cent of the mean; 0 where the mean is. */
export function relativeDeviation(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  if (mean === 0 || values.length < 2) return 0;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1);
  return (Math.sqrt(variance) / Math.abs(mean)) * 100;
}

/** Change from `base` to `value` in per cent; undefined where there is no base to compare with. */
export function change(base: number, value: number): number | undefined {
  if (base === 0) return value === 0 ? 0 : undefined;
  return ((value - base) / base) * 100;
}

/** Change of pairs that were measured alike: the median, and how far single pairs lie apart. */
export interface Change extends Spread {
  readonly median: number;
}

/** Pairwise changes in per cent; undefined where any base is 0 and its partner is not. */
export function changes(base: readonly number[], values: readonly number[]): Change | undefined {
  const each = values.map((v, i) => change(base[i], v));
  if (each.some((c) => c === undefined)) return undefined;
  const known = each as number[];
  return { median: median(known), ...spreadOf(known) };
}

/** One metric of a comparison: what each run of the base and of the new policy measured. */
export interface ComparisonRow {
  readonly metric: string;
  readonly base: readonly number[];
  readonly values: readonly number[];
}

/**
 * The comparison in the 0-day layout: base ± its deviation, change, new ± its deviation, metric. Rows in which both sides
 * are 0 throughout are left out.
 */
export function zeroDayTable(baseName: string, name: string, rows: readonly ComparisonRow[]): string {
  const lines = rows
    .filter((row) => [...row.base, ...row.values].some((v) => v !== 0))
    .map((row) => {
      const diff = change(median(row.base), median(row.values));
      const cells = [
        figure(median(row.base)).padStart(14),
        deviation(row.base).padStart(8),
        (diff === undefined ? 'new' : `${diff >= 0 ? '+' : ''}${diff.toFixed(1)}%`).padStart(11),
        figure(median(row.values)).padStart(14),
        deviation(row.values).padStart(8),
      ];
      return `${cells.join('')}  ${row.metric}`;
    });
  const names = `${baseName.padStart(22)}${' '.repeat(11)}${name.padStart(22)}`;
  const heads = `${'median'.padStart(14)}${'%stddev'.padStart(8)}${'%change'.padStart(11)}${'median'.padStart(14)}${'%stddev'.padStart(8)}  metric`;
  return [names, heads, ...lines].join('\n');
}

/** Thousands separated by spaces. */
export function figure(value: number): string {
  const [whole, fraction] = (Number.isInteger(value) ? String(value) : value.toFixed(1)).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ' ');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

function deviation(values: readonly number[]): string {
  const d = relativeDeviation(values);
  return d < 0.5 ? '' : `± ${Math.round(d)}%`;
}
