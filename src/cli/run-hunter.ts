/**
 * Runs the hunter in a worker and watches it: time limits, progress, and a path that never yields, which no code in the
 * same thread could stop.
 */
import { performance } from 'node:perf_hooks';
import * as Comlink from 'comlink';
import { isPluginPath } from '../engine/load.ts';
import type { DebugTally } from '../hunt/debug-tally.ts';
import type { MeasureRequest, RaceRequest } from '../measure/request.ts';
import type { Measured } from '../measure/result-json.ts';
import type { Finding } from '../program/finding.ts';
import type { Program } from '../program/program.ts';
import type { BridgeOutcome } from '../report/bridge-session.ts';
import type { RaceView } from '../report/html-race.ts';
import {
  type BridgeRequest,
  type HuntRequest,
  PROGRESS,
  STOP_ALL,
  STOP_HUNTING,
  type VerifyRequest,
  type WorkloadCall,
} from '../report/hunter-protocol.ts';
import type { Replayed, Shrunk } from '../report/replaying.ts';
import type { SessionResult } from '../report/session.ts';
import type { VerifyOutcome } from '../report/verify-session.ts';
import { toolVersion } from './files.ts';
import { type Watch, withHunter } from './hunter-worker.ts';

export interface HuntControl {
  /** No new schedule after so many seconds; 0: no limit. */
  readonly seconds: number;
  /** Several times a second. */
  progress?(at: HuntState): void;
  /** A finding as soon as it is known; `final` when it has been shrunk. */
  found?(finding: Finding, final: boolean): void;
  /** Ends the hunt at once; of a bridge, the work on its finding. */
  readonly signal?: AbortSignal;
}

export interface HuntState {
  readonly schedules: number;
  readonly steps: number;
  readonly programs: number;
  readonly findings: number;
  /** What a hunt has seen, in pairs and states; programs of its corpus. */
  readonly coverage: number;
  readonly corpus: number;
  /** Of a verification: states visited, and the share of the search that is done. */
  readonly states: number;
  readonly progress: number;
  readonly seconds: number;
}

export interface HuntOutcome extends SessionResult {
  readonly findings: readonly Finding[];
  readonly seconds: number;
}

/** What hunts in a scenario, or in generated programs, ask for where nobody says otherwise: until the first finding. */
export function plainRequest(
  policy: string,
  { source, seed, schedules }: Pick<HuntRequest, 'source' | 'seed' | 'schedules'>,
): HuntRequest {
  return {
    tool: toolVersion(),
    policy,
    patches: [],
    plugins: [policy].filter(isPluginPath),
    source,
    seed,
    schedules,
    findings: 1,
    strategies: undefined,
    feedback: false,
    strict: false,
    mail: false,
  };
}

/**
 * @throws UsageError for a faulty plug-in or program, by name.
 * @throws ToolError for everything else that ends a hunt before its time.
 */
export async function runHunter(request: HuntRequest, control: HuntControl): Promise<HuntOutcome> {
  const findings = new Map<string, Finding>();
  const found = (finding: Finding, final: boolean): void => {
    // the shrunk finding stands in for the one it came from
    findings.delete('unshrunk');
    findings.set(final ? finding.id : 'unshrunk', finding);
    control.found?.(finding, final);
  };
  const { watch, shared, seconds } = watched([request.policy, ...request.plugins], control);
  const result = await withHunter(watch, (actor) => actor.hunt(request, shared, Comlink.proxy(found)), control.signal);
  return { ...result, findings: [...findings.values()], seconds: seconds() };
}

export interface VerifyEnd extends VerifyOutcome {
  readonly seconds: number;
}

/** @throws UsageError, ToolError as `runHunter`. */
export async function runVerify(request: VerifyRequest, control: HuntControl): Promise<VerifyEnd> {
  const found = (finding: Finding, final: boolean): void => control.found?.(finding, final);
  const { watch, shared, seconds } = watched([request.policy, ...request.plugins], control);
  const result = await withHunter(watch, (actor) => actor.verify(request, shared, Comlink.proxy(found)));
  return { ...result, seconds: seconds() };
}

/** Seconds between two saves of a verification. */
const SAVE_EVERY = 2;

/** Shared words, and the watch that keeps time and tells how far the worker is. */
function watched(names: readonly string[], control: HuntControl) {
  const started = performance.now();
  const shared = new SharedArrayBuffer(PROGRESS.words * Int32Array.BYTES_PER_ELEMENT);
  const words = new Int32Array(shared);
  const seconds = (): number => (performance.now() - started) / 1000;
  let saved = 0;
  const poll = (): void => {
    if (control.seconds > 0 && seconds() >= control.seconds) {
      Atomics.compareExchange(words, PROGRESS.stop, 0, STOP_HUNTING);
    }
    if (control.signal?.aborted) Atomics.store(words, PROGRESS.stop, STOP_ALL);
    if (seconds() - saved >= SAVE_EVERY) {
      saved = seconds();
      Atomics.store(words, PROGRESS.save, 1);
    }
    control.progress?.({
      schedules: words[PROGRESS.schedules],
      steps: words[PROGRESS.steps] >>> 0,
      programs: words[PROGRESS.programs],
      findings: words[PROGRESS.findings],
      coverage: words[PROGRESS.coverage],
      corpus: words[PROGRESS.corpus],
      states: words[PROGRESS.states],
      progress: words[PROGRESS.share] / 1e6,
      seconds: seconds(),
    });
  };
  const watch: Watch = { names, beat: () => words[PROGRESS.beat], poll };
  return { watch, shared, seconds };
}

/** Counts what the debug mode sees. @throws UsageError, ToolError as `runHunter`. */
export async function runDebugTally(
  request: HuntRequest,
  control: HuntControl,
): Promise<{ tally: DebugTally; seconds: number }> {
  const { watch, shared, seconds } = watched([request.policy, ...request.plugins], control);
  return { tally: await withHunter(watch, (actor) => actor.debug(request, shared)), seconds: seconds() };
}

/** Looks for the finding behind a round, `control.seconds` long at most. @throws UsageError, ToolError as `runHunter`. */
export async function runBridge(
  request: BridgeRequest,
  control: HuntControl,
): Promise<BridgeOutcome & { seconds: number }> {
  const { watch, shared, seconds } = watched([request.policy, ...request.plugins], control);
  return { ...(await withHunter(watch, (actor) => actor.bridge(request, shared))), seconds: seconds() };
}

/** The program of a workload. @throws UsageError, ToolError as `runHunter`. */
export function runWorkload(call: WorkloadCall): Promise<Program> {
  return withHunter({ names: [call.workload] }, (actor) => actor.make(call));
}

/** @throws UsageError, ToolError as `runHunter`. */
export function runReplay(finding: Finding, mail: boolean): Promise<Replayed> {
  const names = [finding.policy, ...finding.patches];
  return withHunter({ names }, (actor) => actor.replay(finding, mail, names.some(isPluginPath)));
}

/** @throws UsageError, ToolError as `runHunter`. */
export function runShrink(finding: Finding, tool: string, mail: boolean): Promise<Shrunk> {
  const names = [finding.policy, ...finding.patches];
  return withHunter({ names }, (actor) => actor.shrink(finding, tool, mail, names.some(isPluginPath)));
}

/** Counts policies side by side. @throws UsageError, ToolError as `runHunter`. */
export function runMeasure(
  request: MeasureRequest,
  progress: (done: number, total: number) => void,
  signal?: AbortSignal,
): Promise<Measured> {
  const shared = new SharedArrayBuffer(PROGRESS.words * Int32Array.BYTES_PER_ELEMENT);
  const words = new Int32Array(shared);
  const { policies, baseline, source } = request;
  const names = [...policies, baseline, 'workload' in source ? source.workload : ''];
  const poll = (): void => progress(words[PROGRESS.schedules], words[PROGRESS.programs]);
  const watch: Watch = { names, beat: () => words[PROGRESS.beat], poll };
  return withHunter(watch, (actor) => actor.measure(request, shared), signal);
}

/** A finding as the report shows it. @throws UsageError, ToolError as `runHunter`. */
export function runView(request: RaceRequest): Promise<RaceView> {
  return withHunter({ names: [request.finding.policy] }, (actor) => actor.view(request));
}
