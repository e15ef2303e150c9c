/** Is one policy safe? Every bundled scenario, then generated programs in the stepper; then truly parallel workloads. */
import { listScenarios, loadScenario, WORKLOADS } from '../../workloads/index.ts';
import { type StressResult, StressRun } from '../engine/threads.ts';
import type { Finding } from '../program/finding.ts';
import { writeFinding } from '../report/finding-file.ts';
import type { HuntRequest } from '../report/hunter-protocol.ts';
import { confidence } from './confidence.ts';
import { ToolError } from './exit.ts';
import { type HuntOutcome, plainRequest, runHunter, runWorkload } from './run-hunter.ts';

export interface EvaluateOptions {
  readonly seed: number;
  readonly cost: string;
  readonly out: string;
  /** CPUs of the stressed machine. */
  readonly cpus: number;
  /** Seconds that the policy gets. */
  readonly seconds: number;
  progress(what: string): void;
}

export interface Stressed {
  readonly workload: string;
  readonly verdict: StressResult['verdict'];
  readonly says: string;
  readonly operations: number;
  readonly accesses: number;
}

/** What is known of a policy so far. Filled while it is evaluated, so that an interruption can say it. */
export interface Evaluation {
  readonly policy: string;
  /** The shortest first. */
  readonly findings: { readonly finding: Finding; readonly file: string }[];
  readonly hunted: { scenarios: number; programs: number; schedules: number; steps: number };
  readonly windows: Map<string, { path: string; count: number; longestSteps: number }>;
  readonly stressed: Stressed[];
  /** What may be claimed from generated programs. */
  claims: readonly string[];
  done: boolean;
}

/** Convictions in different scenarios after which no further scenario is hunted in. */
const FINDINGS = 2;
const SCENARIO_SCHEDULES = 1000;
/** Shares of the time: all scenarios, generated programs, parallel runs; shrinking and starting workers take the rest. */
const SHARES = { scenarios: 0.3, fuzz: 0.3, stress: 0.3 } as const;

export function newEvaluation(policy: string): Evaluation {
  const hunted = { scenarios: 0, programs: 0, schedules: 0, steps: 0 };
  return { policy, findings: [], hunted, windows: new Map(), stressed: [], claims: [], done: false };
}

export function verdictOf({ findings, stressed, done }: Evaluation): string {
  if (findings.length > 0 || stressed.some((s) => s.verdict !== 'clean')) return 'violation';
  return done ? 'clean' : 'inconclusive';
}

/** @throws UsageError, ToolError as hunts and parallel runs do. */
export async function evaluatePolicy(into: Evaluation, options: EvaluateOptions): Promise<void> {
  await huntScenarios(into, options);
  if (into.findings.length < FINDINGS) await huntGenerated(into, options);
  await stressWorkloads(into, options);
  into.done = true;
}

async function huntScenarios(into: Evaluation, options: EvaluateOptions): Promise<void> {
  const names = listScenarios();
  const seconds = (options.seconds * SHARES.scenarios) / names.length;
  for (const name of names) {
    if (into.findings.length >= FINDINGS) return;
    options.progress(`scenario ${name}`);
    await huntIn(into, options, {
      source: loadScenario(name),
      schedules: SCENARIO_SCHEDULES,
      seconds,
    });
    into.hunted.scenarios++;
  }
}

async function huntGenerated(into: Evaluation, options: EvaluateOptions): Promise<void> {
  options.progress('generated programs');
  const seconds = options.seconds * SHARES.fuzz;
  const outcome = await huntIn(into, options, { source: 'fuzz', schedules: 2 ** 31 - 1, seconds });
  into.hunted.programs += outcome.programs;
  into.claims = confidence(outcome, undefined);
}

async function huntIn(
  into: Evaluation,
  { seed, out }: EvaluateOptions,
  { source, schedules, seconds }: Pick<HuntRequest, 'source' | 'schedules'> & { seconds: number },
): Promise<HuntOutcome> {
  const { policy, hunted, windows } = into;
  const request = plainRequest(policy, { source, seed, schedules });
  const outcome = await runHunter(request, {
    seconds,
    found: (finding, final) => {
      if (final) add(into, finding, out);
    },
  });
  if (outcome.verdict === 'diverged') throw new ToolError(`${policy}: one schedule run twice gave two results`);
  hunted.schedules += outcome.schedules;
  hunted.steps += outcome.steps;
  for (const w of outcome.windows) {
    const sum = windows.get(w.path) ?? { path: w.path, count: 0, longestSteps: 0 };
    sum.count += w.count;
    sum.longestSteps = Math.max(sum.longestSteps, w.longestSteps);
    windows.set(w.path, sum);
  }
  return outcome;
}

function add(into: Evaluation, finding: Finding, out: string): void {
  if (into.findings.some((f) => f.finding.id === finding.id)) return;
  into.findings.push({ finding, file: writeFinding(finding, out) });
  into.findings.sort((a, b) => a.finding.steps - b.finding.steps);
}

async function stressWorkloads(into: Evaluation, options: EvaluateOptions): Promise<void> {
  const { cpus, seed, cost } = options;
  const seconds = (options.seconds * SHARES.stress) / WORKLOADS.names.length;
  for (const workload of WORKLOADS.names) {
    options.progress(`parallel run of ${workload}`);
    const program = await runWorkload({ workload, cpus, seed });
    const oracle = { strict: false, threads: true };
    const plan = { program, policy: into.policy, patches: [], oracle, costs: cost };
    const { verdict, says, operations, accesses } = await new StressRun({ plan, seed, seconds }).result;
    into.stressed.push({ workload, verdict, says, operations, accesses });
  }
}
