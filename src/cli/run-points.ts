/** Runs a search over flush points in a worker: a time limit for each part of it, and what is known as soon as it is. */
import { performance } from 'node:perf_hooks';
import * as Comlink from 'comlink';
import type { HunterActor } from '../../actors/hunter.ts';
import { isPluginPath } from '../engine/load.ts';
import { POLICIES } from '../policy/index.ts';
import { BadInput } from '../program/bad-input.ts';
import { type PointsRequest, PROGRESS, type WorkerAnswer } from '../report/hunter-protocol.ts';
import { status } from './exit.ts';
import { toolVersion } from './files.ts';
import { withHunter } from './hunter-worker.ts';
import { requirePolicyName } from './names.ts';

export interface PointsOptions {
  readonly schedules?: number;
  /** For each part of the work. */
  readonly seconds?: number;
  readonly seed: number;
  readonly out: string;
  readonly json?: boolean;
}

/** Schedules of each part of the work, unless the person says otherwise. */
const SCHEDULES = 10_000;
const UNLIMITED = 2 ** 31 - 1;

/** What to search. @throws BadInput for a policy that does not exist or has no flush points */
export function pointsRequest(
  policy: string,
  { schedules, seconds, seed }: PointsOptions,
  from: readonly string[] = [],
): PointsRequest {
  requirePolicyName(policy);
  if (!isPluginPath(policy) && POLICIES[policy].flushPoints.length === 0) {
    const able = Object.values(POLICIES).filter((p) => p.flushPoints.length > 0);
    const expected = `${able.map((p) => p.name).join(', ')}, or a plug-in file with flushPoints`;
    throw new BadInput({ what: 'no flush points', where: `policy "${policy}"`, expected });
  }
  const most = schedules ?? (seconds === undefined ? SCHEDULES : UNLIMITED);
  return { tool: toolVersion(), policy, seed, schedules: most, from };
}

/** @throws UsageError, ToolError as hunts do */
export function runPoints<T extends object>(
  { policy }: PointsRequest,
  { seconds = 0 }: PointsOptions,
  call: (
    actor: Comlink.Remote<HunterActor>,
    shared: SharedArrayBuffer,
    told: (sofar: T | string) => void,
  ) => Promise<WorkerAnswer<T>>,
  update: (sofar: T) => void,
): Promise<T> {
  const shared = new SharedArrayBuffer(PROGRESS.words * Int32Array.BYTES_PER_ELEMENT);
  const words = new Int32Array(shared);
  let stage = 0;
  let began = performance.now();
  let says = '';
  const poll = (): void => {
    const now = Atomics.load(words, PROGRESS.stage);
    if (now !== stage) began = performance.now();
    stage = now;
    const spent = (performance.now() - began) / 1000;
    if (seconds > 0 && stage > 0 && spent >= seconds) Atomics.store(words, PROGRESS.over, stage);
    status(`${policy} ${says}: ${words[PROGRESS.schedules]} schedules (${spent.toFixed(0)} s)`);
  };
  const told = Comlink.proxy((sofar: T | string): void => {
    if (typeof sofar === 'string') says = sofar;
    else update(sofar);
  });
  const watch = { names: [policy], beat: () => words[PROGRESS.beat], poll };
  return withHunter(watch, (actor) => call(actor, shared, told));
}
