/** What crosses between the command line and the worker that hunts. */
import type { KeptRound } from '../engine/threads/view.ts';
import type { StrategyName } from '../hunt/portfolio.ts';
import type { MemoryModel } from '../memory/tso-memory.ts';
import type { Harm } from '../oracle/oracle.ts';
import type { Program } from '../program/program.ts';

/** A program that a workload makes; by built-in name or by the path of a plug-in file. */
export interface WorkloadCall {
  readonly workload: string;
  readonly cpus: number;
  readonly seed: number;
}

/** What to hunt: plain data, so that it can cross to the worker. */
export interface HuntRequest {
  readonly tool: string;
  /** A built-in name or the path of a plug-in file. */
  readonly policy: string;
  readonly patches: readonly string[];
  /** Those of the two that are files. */
  readonly plugins: readonly string[];
  readonly source: Program | WorkloadCall | 'fuzz';
  readonly seed: number;
  /** CPUs of generated programs; what the generator draws if left out. */
  readonly cpus?: number;
  readonly schedules: number;
  readonly findings: number;
  readonly strategies: readonly StrategyName[] | undefined;
  /** Programs are made from those of the corpus, too. */
  readonly feedback: boolean;
  /** After what the patches changed; so if left out, as far as there are any. */
  readonly directed?: boolean;
  /** Directory of the corpus and of the journal; undefined: nothing is kept. */
  readonly corpus?: string;
  /** The schedule that the strategy `replay` follows. */
  readonly recorded?: readonly number[];
  readonly strict: boolean;
  /** `sc` when left out. */
  readonly memory?: MemoryModel;
  /** Actions of hardware on its own in each run, at most; as many as hunts have when left out. */
  readonly adversary?: number;
  /** Columns as for mail. */
  readonly mail: boolean;
}

/** What ablation and synthesis search: plain data, so that it can cross to the worker. */
export interface PointsRequest {
  readonly tool: string;
  /** A built-in name or the path of a plug-in file. */
  readonly policy: string;
  readonly seed: number;
  /** Schedules of each part of the work. */
  readonly schedules: number;
  /** Of synthesis: the points to begin with. */
  readonly from: readonly string[];
}

/** All programs of `ops` operations whose position in their order is that of the shard. */
export interface Shard {
  readonly ops: number;
  readonly shard: { readonly number: number; readonly of: number };
}

/** What to verify. */
export interface VerifyRequest
  extends Pick<
    HuntRequest,
    'tool' | 'policy' | 'patches' | 'plugins' | 'seed' | 'cpus' | 'strict' | 'memory' | 'mail'
  > {
  readonly source: Program | WorkloadCall | Shard;
  /** Actions of hardware on its own, at most, in each run. */
  readonly adversary: number;
  readonly runs: number;
  /** Directory of the journal. */
  readonly out: string;
}

/** A round in which a parallel run convicted. */
export interface BridgeRequest extends Pick<HuntRequest, 'tool' | 'policy' | 'patches' | 'plugins' | 'seed' | 'mail'> {
  readonly program: Program;
  readonly round: KeptRound;
  readonly harm: Harm;
}

/**
 * Words of the shared progress. `stage` counts parts of the work that have a time limit of their own, `over` is the last
 * of them whose time is over; `share` is in millionths; `save` asks the worker to save where it stands.
 */
export const PROGRESS = {
  ...{ beat: 0, schedules: 1, steps: 2, programs: 3, findings: 4, stop: 5 },
  ...{ stage: 6, over: 7, states: 8, share: 9, save: 10, coverage: 11, corpus: 12, words: 13 },
} as const;
/** Values of the stop word: no more schedules; nothing more at all. */
export const STOP_HUNTING = 1;
export const STOP_ALL = 2;

/** Has the person, or a time limit, asked to stop? Asking shows that the worker gets on. */
export function stops(words: Int32Array, atLeast: number): boolean {
  Atomics.add(words, PROGRESS.beat, 1);
  return Atomics.load(words, PROGRESS.stop) >= atLeast;
}

/** Errors lose their fields on the way between threads, so they cross as data. */
export type WorkerAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: 'input' | 'tool'; readonly message: string };
