/** `tlblab selftest`: do the strategies do what their papers say? Expected, seen, and how far apart that is. */
import { performance } from 'node:perf_hooks';
import type { StrategyName } from '../hunt/portfolio.ts';
import {
  BOUND,
  type ChanceRow,
  chanceRow,
  RUNS,
  type SelftestResult,
  TESTED,
  selftest as testStrategies,
} from '../hunt/selftest/selftest.ts';
import { parseTiny } from '../program/tiny-program.ts';
import { readText } from '../report/finding-file.ts';
import { EXIT, note, print, printJson } from './exit.ts';

export interface SelftestOptions {
  readonly program?: string;
  readonly strategy?: StrategyName[];
  readonly runs?: number;
  readonly seed: number;
  readonly json?: boolean;
}

export async function selftest(options: SelftestOptions): Promise<number> {
  const started = performance.now();
  const { seed, runs = RUNS, strategy = TESTED } = options;
  const result =
    options.program === undefined
      ? testStrategies(seed, runs, strategy)
      : { chances: ownProgram(options.program, strategy, seed, runs), orders: [], counts: [] };
  const ok = [...result.chances, ...result.orders, ...result.counts].every((row) => row.ok);
  const seconds = (performance.now() - started) / 1000;
  if (options.json) printJson({ verdict: ok ? 'clean' : 'failed', bound: BOUND, seed, ...result, timing: { seconds } });
  else {
    tell(result);
    const beyond = ok ? 'none' : 'some rows, marked NO,';
    print(`verdict: ${ok ? 'clean' : 'failed'}: ${beyond} beyond ${BOUND} standard deviations, or of another count`);
    note(`${seconds.toFixed(1)} s`);
  }
  return ok ? EXIT.clean : EXIT.tool;
}

/** @throws BadInput for a file that is no tiny program. */
function ownProgram(file: string, strategies: readonly StrategyName[], seed: number, runs: number): ChanceRow[] {
  const program = parseTiny(readText(file, 'a tiny program'), file);
  return strategies.map((name) => chanceRow(program, name, seed, runs));
}

function tell({ chances, orders, counts }: SelftestResult): void {
  print(line('', 'program', 'strategy', 'exact', 'expected', 'seen', 'deviations'));
  for (const { program, strategy, runs, expected, seen, deviations, ok } of chances) {
    const [exact, mean] =
      expected === undefined ? ['not known', '-'] : [fraction(expected), (expected * runs).toFixed(1)];
    print(line(mark(ok), program, strategy, exact, mean, String(seen), deviations.toFixed(2)));
  }
  if (orders.length > 0)
    print(`\n${line('', 'orders of', 'strategy', 'chi-square', 'expected', 'seen', 'deviations')}`);
  for (const { program, strategy, expected, seen, chiSquare, deviations, ok } of orders) {
    print(
      line(mark(ok), program, strategy, chiSquare.toFixed(1), String(expected), String(seen), deviations.toFixed(2)),
    );
  }
  if (counts.length > 0) print(`\n${line('', 'traces of', 'strategy', '', 'expected', 'seen', '')}`);
  for (const { program, expected, seen, ok } of counts) {
    const shown = [expected, seen].map(({ traces, blocked }) => `${traces}+${blocked}`);
    print(line(mark(ok), program, 'exhaustive', '', shown[0], shown[1], ''));
  }
}

const mark = (ok: boolean): string => (ok ? 'ok' : 'NO');

function line(...[ok, program, strategy, exact, expected, seen, deviations]: string[]): string {
  const numbers = [exact, expected, seen, deviations].map((text) => text.padStart(12)).join('');
  return `${ok.padEnd(3)}${program.padEnd(18)}${strategy.padEnd(11)}${numbers}`.trimEnd();
}

/** `1/38` if a fraction with a small denominator is as near as numbers of the machine can tell. */
function fraction(value: number): string {
  for (let [x, h, k, before, last] = [value, 1, 0, 0, 1]; k < 1e6; ) {
    const whole = Math.floor(x);
    [h, before, k, last] = [whole * h + before, h, whole * k + last, k];
    if (Math.abs(h / k - value) < 1e-12) return k === 1 ? String(h) : `${h}/${k}`;
    x = 1 / (x - whole);
  }
  return value.toPrecision(6);
}
