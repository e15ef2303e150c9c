/** `tlblab stress`: CPUs as threads, truly parallel, under the oracle. */
import { type StressProgress, type StressResult, StressRun } from '../engine/threads/threads.ts';
import { BadInput } from '../program/bad-input.ts';
import type { Program } from '../program/program.ts';
import { requireWritable } from '../report/finding-file.ts';
import { type BridgeReport, bridgeRound, LOG_ENTRIES, tellBridge } from './bridge.ts';
import { EXIT, note, onInterrupt, print, printJson, status, ToolError, UsageError } from './exit.ts';
import { findingJson } from './finding-output.ts';
import { dropsOf, requirePatchNames, requirePolicyName } from './names.ts';
import { runWorkload } from './run-hunter.ts';
import { scenario } from './scenario.ts';

export interface StressOptions {
  readonly workload: string;
  readonly seconds: number;
  readonly chaos?: number;
  readonly patch?: string[];
  readonly drop?: string[];
  readonly audit?: boolean;
  readonly bridge: boolean;
  readonly out: string;
  readonly cpus: number;
  readonly seed: number;
  readonly json?: boolean;
}

export async function stress(policy: string, options: StressOptions): Promise<number> {
  const { workload, cpus, seed, seconds, chaos, audit, patch = [], drop = [] } = options;
  requirePolicyName(policy);
  requirePatchNames(patch);
  const patches = [...patch, ...dropsOf(drop, policy)];
  const found = scenario(workload, { cpus, seed });
  const program: Program = 'workload' in found ? await runWorkload(found) : found;
  const oracle = { strict: false, threads: true };
  const plan = { program, policy, patches, oracle, costs: 'bare-metal', audit };
  const repeat = 'workload' in found ? 'tasks' : 'program';
  const log = options.bridge ? { keepRounds: true, logEntries: LOG_ENTRIES } : {};
  if (options.bridge) requireWritable(options.out);
  const run = new StressRun({ plan, seed, seconds, chaos, repeat, ...log });
  let now: StressProgress = { seconds: 0, operations: 0, accesses: 0, rounds: 0 };
  run.progress$.subscribe((progress) => {
    now = progress;
    const { operations, accesses } = progress;
    status(
      `stress ${policy}: ${progress.seconds.toFixed(0)} s of ${seconds}, ${operations} operations, ${accesses} accesses`,
    );
  });
  onInterrupt(() => {
    if (options.json) {
      const { operations, accesses, rounds } = now;
      printJson({
        verdict: 'interrupted',
        policy,
        workload,
        operations,
        accesses,
        rounds,
        timing: { seconds: now.seconds },
      });
    } else print(`verdict: interrupted after ${now.operations} operations of ${policy}, nothing found so far`);
  });
  const result = await run.result;
  status('');
  if (result.verdict === 'error') throw faultOf(result, policy, patches);
  onInterrupt(() => report(result, options, undefined));
  const bridged =
    result.verdict === 'clean' ? undefined : await bridgedOrTold(result, { program, patches, out: options.out });
  report(result, options, bridged);
  return result.verdict === 'clean' ? EXIT.clean : EXIT.violation;
}

/** What a plug-in does in the stepper only takes nothing from what the threads were convicted of. */
async function bridgedOrTold(...round: Parameters<typeof bridgeRound>): Promise<BridgeReport | undefined> {
  try {
    return await bridgeRound(...round);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof ToolError)) throw error;
    note(`bridge: ${error.message}`);
    return undefined;
  }
}

/** A run that broke: a plug-in's fault if there is one, else the tool's. */
function faultOf(result: StressResult, policy: string, patches: readonly string[]): Error {
  const plugins = [policy, ...patches].filter((name) => /[\\/.]/.test(name));
  const what = `${result.says} (seed ${result.seed})`;
  if (plugins.length === 0) return new ToolError(what);
  return new BadInput({
    what,
    where: `plug-in ${plugins.join(' or ')}`,
    expected: 'paths that keep the rules of points',
  });
}

function report(result: StressResult, options: StressOptions, bridged: BridgeReport | undefined): void {
  const { verdict, policy, seed, operations, accesses, counters, findings, windows, benignStale, audit, rounds, says } =
    result;
  if (options.json) {
    const { workload, cpus } = options;
    const { restarts, seconds } = result;
    const about = { verdict, says, policy, workload, cpus, seed, operations, accesses, rounds, restarts };
    const shown = findings.map(({ harm, says: invariant, cpu, violation }) => ({
      harm,
      invariant,
      policy,
      cpu,
      violation,
    }));
    const timing = { seconds, accessesPerSecond: accesses / seconds };
    const bridge = bridged && {
      followed: bridged.followed,
      convictedIn: bridged.convictedIn,
      finding: bridged.finding && bridged.file ? findingJson(bridged.finding, bridged.file) : undefined,
      timing: { seconds: bridged.seconds },
    };
    printJson({ ...about, counters, findings: shown, bridge, windows, benignStale, audit, timing });
    return;
  }
  for (const finding of findings) print(`${finding.harm}: ${finding.says}`);
  print(`verdict: ${verdict}${says && findings.length === 0 ? `: ${says}` : ''}`);
  print(`stressed: ${operations} operations, ${accesses} accesses, ${rounds} rounds`);
  const counted = Object.entries(counters).filter(([, n]) => n > 0);
  print(`counters: ${counted.map(([name, n]) => `${name} ${n}`).join(', ')}`);
  const seen = windows.map((w) => `${w.path} ${w.count} (longest ${w.longestSteps})`).join(', ');
  print(`windows: ${seen || 'none'}; benign stale accesses: ${benignStale}`);
  if (audit) {
    const inconsistent = Object.entries(audit.found).map(([kind, about]) => `\n  ${kind}: ${about}`);
    print(`audit: ${audit.checks} checks between rounds, ${inconsistent.join('') || 'consistent'}`);
  }
  if (bridged) tellBridge(bridged);
  if (findings.length > 0 && !bridged?.finding) {
    print(`to see one step by step: npx tlblab hunt ${policy} --scenario ${options.workload} --cpus ${options.cpus}`);
  }
  note(`${result.seconds.toFixed(1)} s`);
}
