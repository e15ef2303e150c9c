/**
 * Worker entry of everything that runs a policy in the stepper on behalf of a person: hunts, replays, shrinking. Wiring
 * only. Progress goes out through shared words, findings through a callback.
 */
import { parentPort } from 'node:worker_threads';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { isPluginPath, loadPatched, loadPatches, loadPolicy, loadWorkload } from '../src/engine/load.ts';
import { GeometryError } from '../src/hardware/geometry.ts';
import { checkMachine } from '../src/hunt/check-machine.ts';
import { type DebugTally, tallyDebug } from '../src/hunt/debug-tally.ts';
import { PathError } from '../src/hunt/execute.ts';
import { HUNTING_BUDGET, HUNTING_COSTS } from '../src/hunt/hunting-plan.ts';
import { measure } from '../src/measure/experiments.ts';
import type { MeasureRequest, RaceRequest } from '../src/measure/request.ts';
import type { Measured } from '../src/measure/result-json.ts';
import { traceSource, workloadSource } from '../src/measure/sources.ts';
import { BadInput } from '../src/program/bad-input.ts';
import type { Finding } from '../src/program/finding.ts';
import type { Program } from '../src/program/program.ts';
import { parseProgram } from '../src/program/schema.ts';
import { type Ablation, ablate } from '../src/report/ablate.ts';
import { type BridgeOutcome, bridgeSession } from '../src/report/bridge-session.ts';
import { type RaceView, raceView } from '../src/report/html-race.ts';
import { journalFor } from '../src/report/hunt-journal.ts';
import {
  type BridgeRequest,
  type HuntRequest,
  type PointsRequest,
  PROGRESS,
  STOP_ALL,
  STOP_HUNTING,
  stops,
  type VerifyRequest,
  type WorkerAnswer,
  type WorkloadCall,
} from '../src/report/hunter-protocol.ts';
import { withPointSearch } from '../src/report/point-session.ts';
import { planOf, type Replayed, replayFinding, type Shrunk, shrinkFinding } from '../src/report/replaying.ts';
import { huntSession, type SessionOptions, type SessionResult } from '../src/report/session.ts';
import { type Synthesis, synthesise } from '../src/report/synthesise.ts';
import { verifyAll } from '../src/report/verify-all.ts';
import { type VerifyOutcome, type VerifySession, verifySession } from '../src/report/verify-session.ts';
import { WORKLOADS } from '../workloads/index.ts';

type Found = (finding: Finding, final: boolean) => void | Promise<void>;

const actor = {
  hunt(request: HuntRequest, shared: SharedArrayBuffer, found: Found): Promise<WorkerAnswer<SessionResult>> {
    const words = new Int32Array(shared);
    const told: (void | Promise<void>)[] = [];
    const { policy, patches, plugins, tool, seed, mail, feedback } = request;
    return answered(plugins.length > 0, async () => {
      try {
        return huntSession({
          feedback,
          journal: journalFor(request),
          savesNow: () => Atomics.exchange(words, PROGRESS.save, 0) === 1,
          hunt: await huntOf(request),
          origin: { tool, policy, patches, seed, plugins: [policy, ...patches].filter(isPluginPath), mail },
          schedules: request.schedules,
          findings: request.findings,
          outOfTime: () => stops(words, STOP_HUNTING),
          abandoned: () => stops(words, STOP_ALL),
          progress: (at) => {
            const keys = ['schedules', 'steps', 'programs', 'findings', 'coverage', 'corpus'] as const;
            for (const key of keys) words[PROGRESS[key]] = at[key];
          },
          found: (finding, final) => {
            told.push(found(finding, final));
          },
        });
      } finally {
        // the answer must not overtake the findings
        await Promise.all(told);
      }
    });
  },
  /** Counts what the debug mode sees, in a hunt that no conviction ends. */
  debug(request: HuntRequest, shared: SharedArrayBuffer): Promise<WorkerAnswer<DebugTally>> {
    const words = new Int32Array(shared);
    return answered(request.plugins.length > 0, async () =>
      tallyDebug({
        ...(await huntOf(request)),
        seed: request.seed,
        schedules: request.schedules,
        outOfTime: () => stops(words, STOP_HUNTING),
        progress: ({ schedules }) => {
          words[PROGRESS.schedules] = schedules;
        },
      }),
    );
  },
  /** The finding behind a parallel run. The stop word first ends the search, then making it small. */
  bridge(request: BridgeRequest, shared: SharedArrayBuffer): Promise<WorkerAnswer<BridgeOutcome>> {
    const words = new Int32Array(shared);
    const { tool, policy, patches, plugins, seed, mail, program, round, harm } = request;
    return answered(plugins.length > 0, async () =>
      bridgeSession({
        ...(await loadedOf(request)),
        ...{ program, round, harm, origin: { tool, policy, patches, seed, plugins, mail } },
        outOfTime: () => stops(words, STOP_HUNTING),
        abandoned: () => stops(words, STOP_ALL),
      }),
    );
  },
  verify(request: VerifyRequest, shared: SharedArrayBuffer, found: Found): Promise<WorkerAnswer<VerifyOutcome>> {
    const words = new Int32Array(shared);
    const told: (void | Promise<void>)[] = [];
    const { policy, patches, plugins, tool, seed, source, strict, memory, adversary, mail, runs, out } = request;
    return answered(plugins.length > 0, async () => {
      try {
        const session = {
          ...(await loadedOf(request)),
          strict,
          memory,
          adversary,
          origin: { tool, policy, patches, seed, plugins: [policy, ...patches].filter(isPluginPath), mail },
          runs,
          out,
          outOfTime: () => stops(words, STOP_HUNTING),
          savesNow: () => Atomics.exchange(words, PROGRESS.save, 0) === 1,
          abandoned: () => stops(words, STOP_ALL),
          progress: (at) => {
            words[PROGRESS.schedules] = at.runs;
            words[PROGRESS.steps] = at.steps;
            words[PROGRESS.states] = at.states;
            words[PROGRESS.share] = at.progress * 1e6;
          },
          found: (finding, final) => {
            told.push(found(finding, final));
          },
        } satisfies Omit<VerifySession, 'program'>;
        if ('shard' in source) return verifyAll(session, source);
        return verifySession({ ...session, program: 'workload' in source ? await made(source) : source });
      } finally {
        // the answer must not overtake the finding
        await Promise.all(told);
      }
    });
  },
  /** Makes the program of a workload, which may be a plug-in. */
  make(call: WorkloadCall): Promise<WorkerAnswer<Program>> {
    return answered(isPluginPath(call.workload), () => made(call));
  },
  replay(finding: Finding, mail: boolean, plugged: boolean): Promise<WorkerAnswer<Replayed>> {
    return answered(plugged, () => replayFinding(finding, mail));
  },
  shrink(finding: Finding, tool: string, mail: boolean, plugged: boolean): Promise<WorkerAnswer<Shrunk>> {
    return answered(plugged, () => shrinkFinding(finding, tool, mail));
  },
  /** Counts policies side by side; the beat of `shared` goes on with every run. */
  measure(request: MeasureRequest, shared: SharedArrayBuffer): Promise<WorkerAnswer<Measured>> {
    const words = new Int32Array(shared);
    const { policies, baseline, costs, source } = request;
    const names = [...policies, baseline, 'workload' in source ? source.workload : ''];
    return answered(names.some(isPluginPath), async () => {
      const from =
        'workload' in source
          ? workloadSource(await loadWorkload(source.workload, WORKLOADS), request)
          : traceSource(source.text, source.trace, request);
      const result = measure({
        workload: from.name,
        runs: from.runs,
        headline: from.headline,
        policies: await Promise.all(policies.map(loadPatched)),
        baseline: await loadPatched(baseline),
        costs,
        progress: (done, total) => {
          words[PROGRESS.schedules] = done;
          words[PROGRESS.programs] = total;
          Atomics.add(words, PROGRESS.beat, 1);
        },
      });
      return { result, inference: from.inference, notes: from.notes };
    });
  },
  /** Each flush point dropped in turn. `told` hears what is known so far, and what is searched now. */
  ablate(
    request: PointsRequest,
    shared: SharedArrayBuffer,
    told: (sofar: Ablation | string) => void | Promise<void>,
  ): Promise<WorkerAnswer<Ablation>> {
    return answered(isPluginPath(request.policy), () => withPointSearch(request, shared, told, ablate));
  },
  /** A sufficient set of flush points, grown from `request.from`. */
  synthesise(
    request: PointsRequest,
    shared: SharedArrayBuffer,
    told: (sofar: Synthesis | string) => void | Promise<void>,
  ): Promise<WorkerAnswer<Synthesis>> {
    const { from } = request;
    return answered(isPluginPath(request.policy), () =>
      withPointSearch(request, shared, told, (options, update) => synthesise(options, from, update)),
    );
  },
  /** A finding as the report's page shows it. */
  view({ finding, command }: RaceRequest): Promise<WorkerAnswer<RaceView>> {
    const plugged = [finding.policy, ...finding.patches].some(isPluginPath);
    return answered(plugged, async () => raceView(await planOf(finding), finding, command));
  },
};

export type HunterActor = typeof actor;

/** What the request asks for, with everything loaded that it names. @throws BadInput for what cannot be used. */
async function huntOf(request: HuntRequest): Promise<SessionOptions['hunt']> {
  const { source, strategies, strict, memory, cpus, adversary: actions = HUNTING_BUDGET.actions } = request;
  return {
    ...(await loadedOf(request)),
    source: source !== 'fuzz' && 'workload' in source ? await made(source) : source,
    strategies,
    recorded: request.recorded,
    directed: request.directed,
    cpus,
    strict,
    memory,
    adversary: { ...HUNTING_BUDGET, actions },
    costs: HUNTING_COSTS,
  };
}

/** The policy and the patches that a request names. */
async function loadedOf({ policy, patches }: Pick<HuntRequest, 'policy' | 'patches'>) {
  const loaded = await loadPolicy(policy);
  return { policy: loaded, patches: await loadPatches(patches, loaded) };
}

/** @throws BadInput if the workload, or what it makes, is of no use. */
async function made({ workload, cpus, seed }: WorkloadCall): Promise<Program> {
  const where = `workload ${workload}`;
  const program = parseProgram((await loadWorkload(workload, WORKLOADS)).program({ cpus, seed, scale: 1 }), where);
  checkMachine(program, where);
  return program;
}

/** A fault is a plug-in's or a bad program's, then it is input, or the tool's. */
async function answered<T>(plugged: boolean, work: () => Promise<T>): Promise<WorkerAnswer<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    const e = error instanceof Error ? error : new Error(String(error));
    const input = e instanceof BadInput || e instanceof GeometryError || (plugged && e instanceof PathError);
    const message = input || e instanceof PathError ? e.message : (e.stack ?? e.message);
    return { ok: false, fault: input ? 'input' : 'tool', message };
  }
}

if (parentPort) Comlink.expose(actor, nodeEndpoint(parentPort));
