/** `tlblab hunt`: looks for an interleaving that convicts a policy. */
import { isPluginPath } from '../engine/load.ts';
import type { StrategyUse } from '../hunt/hunt-sums.ts';
import { DEFAULT_MIX, SMALL_SCOPE, type StrategyName } from '../hunt/portfolio.ts';
import type { MemoryModel } from '../memory/tso-memory.ts';
import { BadInput } from '../program/bad-input.ts';
import type { Finding } from '../program/finding.ts';
import { readFinding, requireWritable, writeFinding } from '../report/finding-file.ts';
import type { HuntRequest } from '../report/hunter-protocol.ts';
import { confidence } from './confidence.ts';
import { EXIT, note, onInterrupt, print, printJson, status, ToolError } from './exit.ts';
import { toolVersion } from './files.ts';
import { findingJson, findingText } from './finding-output.ts';
import { debugHunt } from './luf-debug.ts';
import { dropsOf, requirePatchNames, requirePolicyName } from './names.ts';
import { type HuntOutcome, type HuntState, runHunter } from './run-hunter.ts';
import { scenario } from './scenario.ts';

export interface HuntOptions {
  readonly scenario?: string;
  readonly fuzz?: boolean;
  readonly strategy?: StrategyName[];
  readonly schedules?: number;
  readonly seconds?: number;
  readonly findings: number;
  readonly corpus?: string;
  readonly feedback?: boolean;
  /** False: whatever the patches changed, the hunt is after anything. */
  readonly directed: boolean;
  readonly patch?: string[];
  readonly drop?: string[];
  readonly lufDebug?: string;
  readonly strict?: boolean;
  readonly memory: MemoryModel;
  readonly adversary: number;
  readonly seed: number;
  readonly cpus?: number;
  readonly out: string;
  readonly mail?: boolean;
  readonly json?: boolean;
}

const SCENARIO_SCHEDULES = 20_000;
const FUZZ_SECONDS = 30;
const UNLIMITED = 2 ** 31 - 1;
const NOTHING_YET = { schedules: 0, steps: 0, programs: 0, findings: 0, coverage: 0, corpus: 0, seconds: 0 };

export async function hunt(policy: string, options: HuntOptions): Promise<number> {
  const { patch = [], drop = [] } = options;
  requirePolicyName(policy);
  requirePatchNames(patch);
  const patches = [...patch, ...dropsOf(drop, policy)];
  requireWritable(options.out);
  if (options.corpus !== undefined) requireWritable(options.corpus, '--corpus');
  const source = options.scenario === undefined ? 'fuzz' : scenario(options.scenario, options);
  if (source !== 'fuzz' && options.strategy?.includes(SMALL_SCOPE))
    throw new BadInput({
      what: SMALL_SCOPE,
      where: '--strategy',
      expected: 'no --scenario: it has programs of its own',
    });
  const limits = limitsOf(options);
  const files = new Map<string, { finding: Finding; file: string }>();
  let state: Counted = NOTHING_YET;
  let unshrunk: Finding | undefined;
  onInterrupt(() => {
    if (unshrunk) files.set(unshrunk.id, { finding: unshrunk, file: writeFinding(unshrunk, options.out) });
    interrupted(policy, options, [...files.values()], state);
  });
  const request: HuntRequest = {
    tool: toolVersion(),
    policy,
    patches,
    plugins: [policy, ...patches, ...workloadOf(source)].filter(isPluginPath),
    source,
    seed: options.seed,
    cpus: options.cpus,
    schedules: limits.schedules,
    findings: options.findings,
    strategies: options.strategy,
    feedback: options.feedback ?? false,
    directed: options.directed && patches.length > 0,
    corpus: options.corpus,
    recorded: recordedOf(options),
    strict: options.strict ?? false,
    memory: options.memory,
    adversary: options.adversary,
    mail: options.mail ?? false,
  };
  const { lufDebug } = options;
  if (lufDebug !== undefined) return debugHunt(request, limits.seconds, { ...options, lufDebug });
  const outcome = await runHunter(request, {
    seconds: limits.seconds,
    progress: (now) => {
      state = now;
      const shrinking = unshrunk ? `, shrinking ${unshrunk.harm}` : '';
      const rate = Math.round(now.schedules / Math.max(now.seconds, 0.1));
      const seen = `${now.programs} programs, ${now.corpus} in the corpus, coverage ${now.coverage}, ${now.findings} findings`;
      status(`hunt ${policy}: ${now.schedules} schedules (${rate}/s), ${seen}${shrinking}`);
    },
    found: (finding, final) => {
      unshrunk = final ? undefined : finding;
      if (final) files.set(finding.id, { finding, file: writeFinding(finding, options.out) });
    },
  });
  status('');
  for (const line of outcome.notes) note(`corpus: ${line}`);
  if (outcome.verdict === 'diverged') {
    throw new ToolError('one schedule run twice gave two results: the model is not deterministic');
  }
  const cpus = source === 'fuzz' ? undefined : 'workload' in source ? source.cpus : source.machine.cpus;
  report(policy, options, outcome, [...files.values()], cpus);
  return files.size > 0 ? EXIT.violation : EXIT.clean;
}

function workloadOf(source: HuntRequest['source']): string[] {
  return source !== 'fuzz' && 'workload' in source ? [source.workload] : [];
}

/** The schedule that `replay` follows is that of a finding, hunted in as a scenario. @throws BadInput if there is none. */
function recordedOf({ strategy, scenario: from }: HuntOptions): number[] | undefined {
  if (!strategy?.includes('replay')) return undefined;
  if (from === undefined) {
    throw new BadInput({
      what: 'nothing to replay',
      where: '--strategy replay',
      expected: '--scenario FILE.race.json',
    });
  }
  return readFinding(from).choices;
}

/** Schedules bound a hunt in a scenario, seconds one over generated programs, unless the person says otherwise. */
function limitsOf({ scenario, schedules, seconds }: HuntOptions): { schedules: number; seconds: number } {
  if (schedules !== undefined || seconds !== undefined) {
    return { schedules: schedules ?? UNLIMITED, seconds: seconds ?? 0 };
  }
  return scenario === undefined
    ? { schedules: UNLIMITED, seconds: FUZZ_SECONDS }
    : { schedules: SCENARIO_SCHEDULES, seconds: 0 };
}

type Counted = Omit<HuntState, 'states' | 'progress'>;
type Written = { finding: Finding; file: string };

function report(policy: string, options: HuntOptions, outcome: HuntOutcome, files: Written[], cpus?: number): void {
  const { schedules, steps, programs, strategies, windows, coverage, complete, verdict } = outcome;
  const claims = confidence(outcome, cpus);
  if (options.json) {
    printJson({
      verdict,
      policy,
      scenario: options.scenario ?? 'fuzz',
      seed: options.seed,
      schedules,
      steps,
      programs,
      complete,
      strategies,
      coverage,
      corpus: outcome.corpus,
      confidence: claims,
      windows,
      duplicates: outcome.duplicates,
      findings: files.map(({ finding, file }) => ({
        ...findingJson(finding, file),
        times: outcome.times.get(finding.id),
        withoutPatches: outcome.anyway.has(finding.id),
      })),
      timing: {
        seconds: outcome.seconds,
        schedulesPerSecond: (schedules - outcome.resumedSchedules) / outcome.seconds,
        resumedSchedules: outcome.resumedSchedules,
      },
    });
    return;
  }
  for (const { finding, file } of files) {
    const times = outcome.times.get(finding.id) ?? 1;
    const anyway = outcome.anyway.has(finding.id) ? `\n${policy} without the patches is convicted, too` : '';
    print(`${findingText(finding, file)}${times > 1 ? `\nmet ${times} times` : ''}${anyway}\n`);
  }
  print(`verdict: ${verdict}${files.length > 0 ? ` (${files.map((f) => f.finding.harm).join(', ')})` : ''}`);
  print(`hunted: ${schedules} schedules, ${steps} steps, ${programs} programs${complete ? ', complete' : ''}`);
  print(`strategies: ${strategies.map(shareOf).join(', ') || DEFAULT_MIX.join(', ')}`);
  const seen = `${coverage.points} points, ${coverage.conflicts} conflicting pairs, ${coverage.ledgerStates} states of what is owed`;
  const fresh = `${coverage.newInLastTenth} and ${coverage.newStatesInLastTenth}`;
  print(`coverage: ${seen}; ${fresh} of them new in the last tenth; ${outcome.corpus} programs showed something new`);
  const shown = windows.map((w) => `${w.path} ${w.count} (longest ${w.longestSteps} steps)`).join(', ');
  print(`windows: ${shown || 'none'}`);
  for (const claim of claims) print(`confidence: ${claim}`);
  const before = outcome.resumedSchedules > 0 ? `, ${outcome.resumedSchedules} schedules were run before` : '';
  note(`${outcome.seconds.toFixed(1)} s${before}`);
}

/** `pct-2 120 (14 new pairs, found stale-read)`. */
function shareOf({ name, schedules, newPairs, found }: StrategyUse): string {
  const hits = found.length > 0 ? `, found ${found.join(', ')}` : '';
  return `${name} ${schedules} (${newPairs} new pairs${hits})`;
}

function interrupted(policy: string, options: HuntOptions, files: Written[], state: Counted): void {
  const { schedules, steps, programs, seconds } = state;
  const findings = files.map(({ finding, file }) => findingJson(finding, file));
  if (options.json) {
    printJson({ verdict: 'interrupted', policy, schedules, steps, programs, findings, timing: { seconds } });
    return;
  }
  for (const { finding, file } of files) print(`${findingText(finding, file)}\n`);
  print(`verdict: interrupted after ${state.schedules} schedules of ${policy}, ${files.length} findings`);
}
