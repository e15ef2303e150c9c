/** The bridge on the command line: a violation of a parallel run becomes a finding that replays. */
import { isPluginPath } from '../engine/load.ts';
import type { StressResult } from '../engine/threads/threads.ts';
import type { Finding } from '../program/finding.ts';
import type { Program } from '../program/program.ts';
import { writeFinding } from '../report/finding-file.ts';
import { note, print, status } from './exit.ts';
import { toolVersion } from './files.ts';
import { findingText } from './finding-output.ts';
import { runBridge } from './run-hunter.ts';

/** Entries of each CPU's log: some 500 operations have a tenth of that. */
export const LOG_ENTRIES = 1 << 15;
/** Seconds after which the search ends, and the work on what it found: what is not small by then is recorded as it is. */
const SECONDS = 6;

/** What became of the round that convicted. */
export interface BridgeReport {
  readonly finding: Finding | undefined;
  readonly file: string | undefined;
  readonly followed: number;
  readonly convictedIn: number | undefined;
  readonly seconds: number;
}

/** @throws UsageError, ToolError as a hunt does. */
export async function bridgeRound(
  { round, policy, seed, findings }: StressResult,
  { program, patches, out }: { program: Program; patches: readonly string[]; out: string },
): Promise<BridgeReport | undefined> {
  if (!round || round.logs.length === 0 || findings.length === 0) return undefined;
  const { harm } = findings[0];
  const plugins = [policy, ...patches].filter(isPluginPath);
  const { finding, followed, convictedIn, seconds } = await runBridge(
    { tool: toolVersion(), policy, patches, plugins, seed, mail: false, program, round, harm },
    {
      seconds: SECONDS,
      signal: AbortSignal.timeout(SECONDS * 1000),
      progress: (at) =>
        status(`bridge ${policy}: ${at.seconds.toFixed(0)} s, looks for the round's race in the stepper`),
    },
  );
  status('');
  return { finding, file: finding && writeFinding(finding, out), followed, convictedIn, seconds };
}

export function tellBridge({ finding, file, followed, convictedIn, seconds }: BridgeReport): void {
  const log = convictedIn === undefined ? `none of ${followed} runs` : `run ${convictedIn}`;
  if (finding && file) print(`\n${findingText(finding, file)}`);
  const found = finding ? `a finding of ${finding.steps} steps` : 'no program that convicts from a boot';
  note(`bridge: ${log} along the log of the round convicted; ${found}; ${seconds.toFixed(1)} s`);
}
