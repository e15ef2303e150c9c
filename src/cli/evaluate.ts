/**
 * `tlblab evaluate`: the whole answer. Which policies are safe, the shortest interleaving that shows why not, and what each
 * costs beside the baseline. Ends with 1 if any of the policies was convicted, also one that is broken on purpose.
 */
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { WORKLOADS } from '../../workloads/index.ts';
import type { MeasureRequest } from '../measure/request.ts';
import { type Measured, measuredJson, measuredText } from '../measure/result-json.ts';
import { requireWritable, writeWhole } from '../report/finding-file.ts';
import { type ReportPolicy, reportHtml } from '../report/html.ts';
import {
  type Evaluation,
  evaluatePolicy,
  newEvaluation,
  type EvaluateOptions as PolicyOptions,
  verdictOf,
} from './evaluate-policy.ts';
import { EXIT, note, onInterrupt, print, printJson, status } from './exit.ts';
import { toolVersion } from './files.ts';
import { findingJson, findingText } from './finding-output.ts';
import { requireSource, seedsFrom } from './measure.ts';
import { requireCosts, requirePolicyName } from './names.ts';
import { runMeasure, runView } from './run-hunter.ts';

export interface EvaluateOptions {
  readonly baseline: string;
  readonly trace?: string;
  /** Seconds for everything. */
  readonly budget: number;
  readonly cost: string;
  readonly cpus?: number;
  readonly seed: number;
  readonly out: string;
  readonly json?: boolean;
}

const DEFAULT_CPUS = 2;
const SEEDS = 3;
/** Races of one policy that the report draws. */
const DRAWN = 2;

export async function evaluate(named: string[], options: EvaluateOptions): Promise<number> {
  const started = performance.now();
  const policies = [...new Set(named)];
  for (const name of [...policies, options.baseline]) requirePolicyName(name);
  requireCosts(options.cost);
  requireWritable(options.out);
  const sources = sourcesOf(options);
  const evaluations = policies.map(newEvaluation);
  const timing = (): { seconds: number } => ({ seconds: (performance.now() - started) / 1000 });
  onInterrupt(() => {
    if (options.json)
      printJson({ verdict: 'interrupted', policies: evaluations.map((e) => evaluationJson(e)), timing: timing() });
    else print(evaluations.map((e) => evaluationText(e)).join('\n\n'));
  });
  // one core measures while the other hunts; parallel runs come when both are free
  const measuring = measureAll(policies, sources, options);
  measuring.catch(() => {});
  for (const evaluation of evaluations) {
    const { policy } = evaluation;
    const { cost, out, seed, cpus = DEFAULT_CPUS, budget } = options;
    const progress = (what: string): void => status(`evaluate ${policy}: ${what} (${timing().seconds.toFixed(0)} s)`);
    const seconds = budget / policies.length;
    await evaluatePolicy(evaluation, { cost, out, seed, cpus, seconds, progress } satisfies PolicyOptions);
  }
  status('evaluate: counting in simulated time');
  const measured = await measuring;
  status('evaluate: writing the report');
  const report = await writeReport(evaluations, measured, options);
  status('');
  tell(evaluations, measured, report, options, timing());
  return evaluations.some((e) => verdictOf(e) === 'violation') ? EXIT.violation : EXIT.clean;
}

/** The trace if there is one, else every bundled workload. @throws BadInput for a trace that cannot be read. */
function sourcesOf({ trace }: EvaluateOptions): MeasureRequest['source'][] {
  return trace === undefined ? WORKLOADS.names.map((workload) => ({ workload })) : [requireSource({ trace })];
}

async function measureAll(
  policies: readonly string[],
  sources: readonly MeasureRequest['source'][],
  { baseline, cost, cpus = DEFAULT_CPUS, seed }: EvaluateOptions,
): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const source of sources) {
    const seeds = seedsFrom(seed, SEEDS);
    measured.push(await runMeasure({ policies, baseline, costs: cost, source, cpus, seeds }, () => {}));
  }
  return measured;
}

async function writeReport(
  evaluations: readonly Evaluation[],
  measured: readonly Measured[],
  options: EvaluateOptions,
): Promise<string> {
  const policies: ReportPolicy[] = [];
  for (const evaluation of evaluations) {
    const races = [];
    for (const { finding, file } of evaluation.findings.slice(0, DRAWN)) {
      races.push(await runView({ finding, command: `npx tlblab replay ${file}` }));
    }
    policies.push({ name: evaluation.policy, verdict: verdictOf(evaluation), says: saysOf(evaluation), races });
  }
  const names = evaluations.map((e) => e.policy);
  const html = reportHtml({
    title: `Flush policies: ${names.join(', ')}`,
    command: commandOf(names, options),
    tool: toolVersion(),
    policies,
    savings: measured.map((m) => m.result),
    notes: [...new Set(measured.flatMap((m) => m.notes))],
  });
  const path = join(options.out, 'report.html');
  writeWhole(path, html);
  return path;
}

function tell(
  evaluations: readonly Evaluation[],
  measured: readonly Measured[],
  report: string,
  { json, baseline }: EvaluateOptions,
  timing: { seconds: number },
): void {
  if (json) {
    const savings = (policy: string) =>
      measured.map(({ result }) => ({
        workload: result.workload,
        vsBaseline: result.policies.find((p) => p.name === policy)?.vsBaseline ?? {},
      }));
    const policies = evaluations.map((e) => ({ ...evaluationJson(e), savings: savings(e.policy), report }));
    const verdict = policies.some((p) => p.verdict === 'violation') ? 'violation' : 'clean';
    printJson({ verdict, baseline, policies, measured: measured.map(measuredJson), report, timing });
    return;
  }
  print(evaluations.map((e) => evaluationText(e)).join('\n\n'));
  for (const m of measured) print(`\n${measuredText(m)}`);
  print(`\nreport: ${report}`);
  note(`${timing.seconds.toFixed(1)} s`);
}

function evaluationJson(evaluation: Evaluation) {
  const { policy, findings, hunted, windows, stressed, claims } = evaluation;
  return {
    policy,
    verdict: verdictOf(evaluation),
    findings: findings.map(({ finding, file }) => findingJson(finding, file)),
    hunted,
    windows: [...windows.values()],
    stressed,
    confidence: claims,
  };
}

/** The verdict, what it rests on, and the shortest counterexample. */
function evaluationText(evaluation: Evaluation): string {
  const [shortest] = evaluation.findings;
  const lines = [`${evaluation.policy}: ${verdictOf(evaluation)}`, ...saysOf(evaluation).map((line) => `  ${line}`)];
  return [...lines, ...(shortest ? ['', findingText(shortest.finding, shortest.file)] : [])].join('\n');
}

function saysOf({ hunted, windows, stressed, claims, findings }: Evaluation): string[] {
  const { scenarios, programs, schedules, steps } = hunted;
  const all = [...windows.values()].reduce((sum, w) => sum + w.count, 0);
  return [
    `hunted: ${schedules} schedules, ${steps} steps, in ${scenarios} scenarios and ${programs} generated programs; ${all} windows (wrong if the operation in flight were not)`,
    ...stressed.map((s) => {
      const why = s.says === '' ? '' : `: ${s.says}`;
      return `parallel, ${s.workload}: ${s.verdict}${why} (${s.operations} operations, ${s.accesses} accesses)`;
    }),
    ...(findings.length > 0
      ? [`convicted of: ${[...new Set(findings.map((f) => f.finding.harm))].join(', ')}`]
      : claims),
  ];
}

function commandOf(names: readonly string[], { baseline, trace, budget, seed }: EvaluateOptions): string {
  const from = trace === undefined ? '' : ` --trace ${trace}`;
  return `npx tlblab evaluate ${names.join(' ')} --baseline ${baseline}${from} --budget ${budget} --seed ${seed}`;
}
