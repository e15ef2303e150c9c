/** `tlblab verify`: every reachable state of one scenario, or of all programs of so many operations. */
import { rmSync } from 'node:fs';
import { isPluginPath } from '../engine/load.ts';
import { OPERATION_NAMES } from '../hunt/verify/all-programs.ts';
import type { MemoryModel } from '../memory/tso-memory.ts';
import { BadInput } from '../program/bad-input.ts';
import type { Finding } from '../program/finding.ts';
import { requireWritable, writeFinding } from '../report/finding-file.ts';
import type { Shard, VerifyRequest } from '../report/hunter-protocol.ts';
import { EXIT, note, onInterrupt, print, printJson, status, ToolError } from './exit.ts';
import { toolVersion } from './files.ts';
import { findingJson, findingText } from './finding-output.ts';
import { dropsOf, requirePatchNames, requirePolicyName } from './names.ts';
import { type HuntState, runVerify, type VerifyEnd } from './run-hunter.ts';
import { scenario } from './scenario.ts';

export interface VerifyOptions {
  readonly scenario?: string;
  readonly allPrograms?: boolean;
  readonly ops: number;
  readonly shard: Shard['shard'];
  readonly runs: number;
  readonly seconds?: number;
  readonly patch?: string[];
  readonly drop?: string[];
  readonly strict?: boolean;
  readonly memory: MemoryModel;
  readonly adversary: number;
  readonly seed: number;
  readonly cpus?: number;
  readonly out: string;
  readonly mail?: boolean;
  readonly json?: boolean;
}

export async function verify(policy: string, options: VerifyOptions): Promise<number> {
  const {
    patch = [],
    drop = [],
    seed,
    cpus,
    out,
    strict = false,
    memory,
    adversary,
    mail = false,
    runs,
    seconds = 0,
  } = options;
  requirePolicyName(policy);
  requirePatchNames(patch);
  const patches = [...patch, ...dropsOf(drop, policy)];
  requireWritable(out);
  const source = sourceOf(options);
  let written: { finding: Finding; file: string } | undefined;
  let state: HuntState | undefined;
  onInterrupt(() => interrupted(policy, options, state));
  const plugins = [policy, ...patches, ...('workload' in source ? [source.workload] : [])].filter(isPluginPath);
  const end = await runVerify(
    { tool: toolVersion(), policy, patches, plugins, source, seed, cpus, runs, strict, memory, adversary, mail, out },
    {
      seconds,
      progress: (now) => {
        state = now;
        const share = `${(now.progress * 100).toPrecision(2)} % of the search, an estimate`;
        status(`verify ${policy}: ${now.states} states, ${now.schedules} runs, ${share}`);
      },
      found: (finding, final) => {
        if (final) written = { finding, file: writeFinding(finding, out) };
      },
    },
  );
  status('');
  if (end.verdict === 'diverged') {
    throw new ToolError('one schedule run twice gave two results: the model is not deterministic');
  }
  report(policy, options, end, written);
  for (const journal of end.done) rmSync(journal, { recursive: true, force: true });
  if (written) return EXIT.violation;
  return end.verdict === 'clean' ? EXIT.clean : EXIT.inconclusive;
}

/** @throws BadInput for what cannot be verified. */
function sourceOf(options: VerifyOptions): VerifyRequest['source'] {
  const { ops, shard, allPrograms } = options;
  if (options.scenario !== undefined) return scenario(options.scenario, options);
  if (allPrograms) return { ops, shard };
  throw new BadInput({ what: 'nothing to verify', where: 'verify', expected: '--scenario NAME or --all-programs' });
}

type Written = { finding: Finding; file: string };

function report(policy: string, options: VerifyOptions, end: VerifyEnd, written: Written | undefined): void {
  const { verdict, complete, states, runs, steps, depth, hashBits, progress, resumedRuns, seconds } = end;
  if (options.json) {
    const findings = written ? [findingJson(written.finding, written.file)] : [];
    const figures = { states, runs, steps, depth, hashBits, progress };
    const of = end.programs
      ? { ops: options.ops, shard: options.shard, programs: end.programs, operations: OPERATION_NAMES }
      : {};
    const { scenario: name, adversary } = options;
    const about = { verdict, complete, policy, scenario: name, ...of, adversary, ...figures, findings };
    printJson({ ...about, timing: { seconds, resumedRuns, statesPerSecond: states / seconds } });
    return;
  }
  if (written) print(`${findingText(written.finding, written.file)}\n`);
  print(`verdict: ${verdict}${written ? ` (${written.finding.harm})` : ''}`);
  if (end.programs) {
    print(`programs: ${end.programs.done} of ${end.programs.of} are clean, made of ${OPERATION_NAMES.join(', ')}`);
  }
  print(`verified: ${states} states, ${runs} runs, ${steps} steps, longest run ${depth} steps`);
  if (!written) tellSearch(end, options.adversary);
  note(`${seconds.toFixed(1)} s${resumedRuns > 0 ? `, ${resumedRuns} runs were made before` : ''}`);
}

/** How much of the search was made, and how sure it is. */
function tellSearch({ verdict, complete, progress, states, hashBits }: VerifyEnd, adversary: number): void {
  const part = progress < 0.0001 ? 'less than 0.01' : (progress * 100).toPrecision(2);
  const share = complete ? 'complete' : `${part} % of the search done, an estimate`;
  print(`search: ${share}; ${ofHardware(adversary)}`);
  const missed = states ** 2 / 2 ** (hashBits + 1);
  print(`hash: ${hashBits} bits; a state was taken for another with a chance of about ${missed.toPrecision(2)}`);
  if (verdict === 'inconclusive') print('the same command goes on from here');
}

function ofHardware(actions: number): string {
  if (actions === 0) return 'hardware acting on its own left out';
  return `with at most ${actions} action${actions === 1 ? '' : 's'} of hardware on its own in each run`;
}

function interrupted(policy: string, options: VerifyOptions, state: HuntState | undefined): void {
  const { states = 0, schedules: runs = 0, seconds = 0 } = state ?? {};
  if (options.json) {
    printJson({ verdict: 'interrupted', policy, complete: false, states, runs, timing: { seconds } });
  } else print(`verdict: interrupted after ${states} states of ${policy}; the same command goes on`);
}
