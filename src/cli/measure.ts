/** `tlblab measure`: counters of policies side by side, in simulated time. */
import { performance } from 'node:perf_hooks';
import { WORKLOADS } from '../../workloads/index.ts';
import { isPluginPath } from '../engine/load.ts';
import type { MeasureRequest } from '../measure/request.ts';
import { measuredJson, measuredTable, measuredText } from '../measure/result-json.ts';
import { readText } from '../report/finding-file.ts';
import { EXIT, note, onInterrupt, print, printJson, status } from './exit.ts';
import { requireCosts, requirePatchedName } from './names.ts';
import { unknown } from './options.ts';
import { runMeasure } from './run-hunter.ts';

export interface MeasureOptions {
  readonly workload?: string;
  readonly trace?: string;
  /** Separated by commas. */
  readonly policies: string;
  readonly seeds: number;
  readonly cost: string;
  readonly cpus?: number;
  readonly seed: number;
  readonly table?: boolean;
  readonly json?: boolean;
}

/** What the others are compared with, measured whether or not it is among the policies. */
const BASELINE = 'mainline';
const DEFAULT_CPUS = 4;
const DEFAULT_WORKLOAD = 'munmap-storm';

export async function measure(options: MeasureOptions): Promise<number> {
  const { policies, seeds, seed, cost, cpus = DEFAULT_CPUS } = options;
  const started = performance.now();
  const request: MeasureRequest = {
    policies: requirePolicies(policies),
    baseline: BASELINE,
    costs: cost,
    source: requireSource(options),
    cpus,
    seeds: seedsFrom(seed, seeds),
  };
  requireCosts(cost);
  onInterrupt(() => note('measure: interrupted, nothing measured'));
  const measured = await runMeasure(request, (done, total) => status(`measure: ${done} of ${total} runs`));
  status('');
  const seconds = (performance.now() - started) / 1000;
  if (options.json) printJson({ ...measuredJson(measured), timing: { seconds } });
  else print(options.table ? measuredTable(measured) : measuredText(measured));
  note(`${seconds.toFixed(1)} s`);
  return EXIT.clean;
}

/** Policies, each with the patches that go with it. @throws BadInput for an unknown name. */
export function requirePolicies(names: string): string[] {
  const list = [...new Set(names.split(','))];
  for (const name of list) requirePatchedName(name);
  return list;
}

/** @throws BadInput for an unknown workload, or a trace that cannot be read. */
export function requireSource({
  trace,
  workload = DEFAULT_WORKLOAD,
}: {
  trace?: string;
  workload?: string;
}): MeasureRequest['source'] {
  if (trace !== undefined) return { trace, text: readText(trace, 'an strace log') };
  if (!isPluginPath(workload) && !WORKLOADS.names.includes(workload)) {
    throw unknown('workload', workload, WORKLOADS.names, ', or a plug-in file');
  }
  return { workload };
}

/** That many seeds, the first of which is the one given. */
export function seedsFrom(seed: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (seed + i) >>> 0);
}
