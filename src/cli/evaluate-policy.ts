/** Is one policy safe? Every bundled scenario, then generated programs in the stepper; then truly parallel workloads. */
import { performance } from 'node:perf_hooks';
import { listScenarios, loadScenario, WORKLOADS } from '../../workloads/index.ts';
import { type StressResult, StressRun } from '../engine/threads/threads.ts';
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
/** Schedules that every scenario gets, turn by turn, while there is time. */
const TURNS = [5, 45, 950];
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

/** Turns are counted in schedules, not in seconds: how fast the machine is, or how busy, changes how far this comes, not what it finds. */
async function huntScenarios(into: Evaluation, options: EvaluateOptions): Promise<void> {
  let until = performance.now() + options.seconds * SHARES.scenarios * 1000;
  const clean = new Set(listScenarios());
  for (const [turn, schedules] of TURNS.entries()) {
    for (const name of clean) {
      const seconds = (until - performance.now()) / 1000;
      if (into.findings.length >= FINDINGS || seconds <= 0) return;
      options.progress(`scenario ${name}`);
      const seed = (options.seed + turn) >>> 0;
      const outcome = await huntIn(into, options, { source: loadScenario(name), seed, schedules, seconds });
      if (turn === 0 && outcome.schedules > 0) into.hunted.scenarios++;
      if (outcome.findings.length === 0) continue;
      clean.delete(name);
      // what it takes to make a finding small is not taken from the others
      until = performance.now() + seconds * 1000;
    }
  }
}

async function huntGenerated(into: Evaluation, options: EvaluateOptions): Promise<void> {
  options.progress('generated programs');
  const { seed } = options;
  const seconds = options.seconds * SHARES.fuzz;
  const outcome = await huntIn(into, options, { source: 'fuzz', seed, schedules: 2 ** 31 - 1, seconds });
  into.hunted.programs += outcome.programs;
  into.claims = confidence(outcome, undefined);
}

async function huntIn(
  into: Evaluation,
  { out }: EvaluateOptions,
  { seconds, ...hunted }: Pick<HuntRequest, 'source' | 'seed' | 'schedules'> & { seconds: number },
): Promise<HuntOutcome> {
  const { policy, windows } = into;
  const request = plainRequest(policy, hunted);
  const outcome = await runHunter(request, {
    seconds,
    found: (finding, final) => {
      if (final) add(into, finding, out);
    },
  });
  if (outcome.verdict === 'diverged') throw new ToolError(`${policy}: one schedule run twice gave two results`);
  into.hunted.schedules += outcome.schedules;
  into.hunted.steps += outcome.steps;
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
