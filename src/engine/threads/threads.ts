/**
 * The threads engine: a program on truly parallel CPUs under the oracle. The controller boots the machine, starts one worker
 * per CPU, looks at counters in shared memory now and then, and stops the run. Nothing here is repeatable; what a run finds
 * is to be searched again in the stepper.
 */
import { availableParallelism } from 'node:os';
import { asyncScheduler, interval, type Observable, Subject } from 'rxjs';
import type { CpuId } from '../../hardware/types.ts';
import { BadInput } from '../../program/bad-input.ts';
import { POOL, type ThreadPool, type ThreadWorker } from './pool.ts';
import { type Outcome, type StressFinding, type StressVerdict, verdictOf } from './verdict.ts';
import { countersOf, type KeptRound, keptRound, type RunView, type StressCounters, sumOver, viewRun } from './view.ts';
import { type Stall, Watch } from './watch.ts';
import type { Answer, InjectionDescription, PlanDescription } from './worker-actor.ts';
import type { RunLimits, SharedImage } from './worker-machine.ts';
import { GO_ON, STOP_AT_REST, STOP_NOW } from './worker-tables.ts';

export type { StressFinding } from './verdict.ts';
export type { KeptRound, StressCounters } from './view.ts';
export type { PlanDescription } from './worker-actor.ts';

export interface StressOptions {
  readonly plan: PlanDescription;
  readonly seed: number;
  /** Stop after about so many operations of all CPUs together. */
  readonly operations?: number;
  /** Stop after so many seconds. Without any bound the program runs once. */
  readonly seconds?: number;
  /**
   * `tasks` (default): every task repeats its operations; for workloads. `program`: tasks do `program.rounds` rounds, and when
   * all have ended the whole program begins again, history included; for scenarios. `no`: it runs once.
   */
  readonly repeat?: 'tasks' | 'program' | 'no';
  /** Probability of a short delay or an action of the hardware at a point. */
  readonly chaos?: number;
  /** A delay at every visit of the point with this label. */
  readonly delay?: { readonly point: string; readonly micros: number };
  /** Points between two timer interrupts of a CPU, on average; 0: none. Default 2000. */
  readonly tickEvery?: number;
  /** Operations of all CPUs in a round; 0: no rounds. Default 512. */
  readonly roundOperations?: number;
  /** Keep the image at the start of each round, for the result. */
  readonly keepRounds?: boolean;
  /** Keep so many entries of each CPU's log of a round; 0 (default): no log. */
  readonly logEntries?: number;
  /** Seconds without an operation ended after which the run counts as stalled. Default 10. */
  readonly patience?: number;
  /** Stops the run early. */
  readonly signal?: AbortSignal;
  /** Where the threads come from. Default: the pool of this process. */
  readonly pool?: ThreadPool;
}

export interface StressProgress {
  readonly seconds: number;
  readonly operations: number;
  readonly accesses: number;
  readonly rounds: number;
}

export interface StressResult extends StressVerdict {
  readonly policy: string;
  readonly seed: number;
  readonly operations: number;
  readonly accesses: number;
  readonly counters: StressCounters;
  readonly rounds: number;
  /** How often the program was started again after all its tasks had ended. */
  readonly restarts: number;
  /** Stopped by the signal before its bound. */
  readonly interrupted: boolean;
  readonly round: KeptRound | undefined;
  /** From the start of the CPUs, without the boot. */
  readonly seconds: number;
}

const LOOK_MS = 100;
/** Looks that a CPU has to reach its next point, or all CPUs to come to rest. */
const GRACE_LOOKS = 20;

/**
 * Runs to the end.
 * @throws BadInput for a policy, patch or parameter that cannot be used; RangeError for an impossible machine
 */
export function stress(options: StressOptions): Promise<StressResult> {
  return new StressRun(options).result;
}

export class StressRun {
  /** Every 100 ms while the run goes on; completes with it. */
  readonly progress$: Observable<StressProgress>;
  readonly metrics$: Observable<StressCounters>;
  readonly findings$: Observable<StressFinding>;
  readonly result: Promise<StressResult>;

  private readonly progress = new Subject<StressProgress>();
  private readonly metrics = new Subject<StressCounters>();
  private readonly findings = new Subject<StressFinding>();
  private readonly limits: RunLimits;
  private readonly cpus: number;
  private began = asyncScheduler.now();
  private view!: RunView;
  private watch!: Watch;
  private shared!: SharedImage;
  /** Names of points, in the numbering of the workers; all load the same files in the same order. */
  private names: readonly string[] = [];
  private interrupted = false;
  private stall: Stall | undefined = undefined;
  /** What the CPUs stood at when they were found stalled. */
  private stuckAt: readonly string[] = [];
  /** Looks left until those who do not answer are ended; -1: nobody is being waited for. */
  private grace = -1;

  constructor(private readonly options: StressOptions) {
    const { operations, seconds, signal, repeat = 'tasks', logEntries } = options;
    this.progress$ = this.progress.asObservable();
    this.metrics$ = this.metrics.asObservable();
    this.findings$ = this.findings.asObservable();
    this.cpus = options.plan.program.machine.cpus;
    const bounded = operations !== undefined || seconds !== undefined || signal !== undefined;
    this.limits = {
      repeat: repeat === 'tasks' && bounded,
      restart: repeat !== 'no' && bounded,
      roundOperations: options.roundOperations ?? 512,
      operations: operations ?? 0,
      logEntries: logEntries ?? 0,
    };
    this.result = this.run();
  }

  private async run(): Promise<StressResult> {
    const pool = this.options.pool ?? POOL;
    const workers = pool.take(this.cpus);
    try {
      await this.boot(workers);
      const outcomes = await this.supervise(workers);
      const result = this.conclude(outcomes);
      for (const finding of result.findings) this.findings.next(finding);
      return result;
    } finally {
      for (const s of [this.progress, this.metrics, this.findings]) s.complete();
      await Promise.all(workers.map((worker) => release(worker, pool)));
    }
  }

  private async boot(workers: readonly ThreadWorker[]): Promise<void> {
    const { plan, delay, chaos, seed, tickEvery } = this.options;
    const { limits } = this;
    const patience = this.patience() * 1000;
    const { keepRounds } = this.options;
    this.shared = value(await workers[0].ask((actor) => actor.load(plan, limits, keepRounds ?? false), patience));
    const injection: InjectionDescription = {
      seed,
      chaos: chaos ?? 0,
      delay,
      tickEvery: tickEvery ?? 2000,
      breathes: this.cpus > availableParallelism(),
    };
    this.view = viewRun(plan, limits, this.shared);
    this.watch = new Watch(this.view.control, this.cpus, Math.ceil(patience / LOOK_MS));
    const boots = workers.map((worker, id) =>
      worker.ask((actor) => actor.boot({ plan, shared: this.shared, id, limits, injection }), patience),
    );
    for (const answer of await Promise.all(boots)) this.names = value(answer);
  }

  /** Lets the workers run, until each has reported or is lost. */
  private async supervise(workers: readonly ThreadWorker[]): Promise<Outcome[]> {
    const { seconds, signal } = this.options;
    const running = new Set(workers);
    this.began = asyncScheduler.now();
    const runs = workers.map(async (worker, id): Promise<Outcome> => {
      try {
        return { report: value(await worker.ask((actor) => actor.start())) };
      } catch (error) {
        // nobody can go on without it
        this.stop(STOP_NOW);
        return { lost: `CPU${id}: ${(error as Error).message}` };
      } finally {
        running.delete(worker);
      }
    });
    const looks = interval(LOOK_MS).subscribe(() => this.look(running));
    const timer = seconds === undefined ? undefined : setTimeout(() => this.stop(STOP_AT_REST), seconds * 1000);
    const abort = (): void => {
      this.interrupted = true;
      this.stop(STOP_AT_REST);
      this.grace = GRACE_LOOKS;
    };
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    try {
      return await Promise.all(runs);
    } finally {
      looks.unsubscribe();
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  private look(running: ReadonlySet<ThreadWorker>): void {
    const { board, run } = this.view.control;
    this.progress.next(this.progressNow());
    this.metrics.next(countersOf(this.view));
    const stall = this.watch.look();
    if (stall && !this.stall) {
      this.stall = stall;
      const at = (id: number): string => this.names[board.point.peek(id as CpuId)] ?? '(nowhere)';
      this.stuckAt = Array.from({ length: this.cpus }, (_, id) => at(id));
      this.stop(STOP_NOW);
    }
    if (this.grace < 0 && run.stop.peek(0) === STOP_NOW) this.grace = GRACE_LOOKS;
    if (this.grace < 0 || --this.grace > 0) return;
    if (run.stop.peek(0) !== STOP_NOW) {
      // interrupted, and the CPUs did not come to rest
      this.stop(STOP_NOW);
      this.grace = GRACE_LOOKS;
      return;
    }
    // whoever has not reached a point by now is not going to
    for (const worker of running) if (!worker.lost) void worker.terminate();
  }

  private stop(how: typeof STOP_AT_REST | typeof STOP_NOW): void {
    const { run } = this.view.control;
    if (how === STOP_NOW) run.stop.store(0, STOP_NOW);
    else {
      run.stop.cas(0, GO_ON, STOP_AT_REST);
      const rounds = run.rounds.load(0);
      run.asked.cas(0, rounds, rounds + 1);
    }
    this.view.wakes.wakeAll();
  }

  private conclude(outcomes: readonly Outcome[]): StressResult {
    const { options, view, stall, stuckAt, interrupted } = this;
    const patience = this.patience();
    return {
      ...verdictOf({ outcomes, stall, stuckAt, interrupted, patience }),
      policy: options.plan.policy,
      seed: options.seed,
      ...this.progressNow(),
      counters: countersOf(view),
      restarts: view.control.run.restarts.peek(0),
      interrupted,
      round: keptRound(view, this.shared, this.names, this.limits),
    };
  }

  private progressNow(): StressProgress {
    return {
      seconds: (asyncScheduler.now() - this.began) / 1000,
      operations: this.watch.operations(),
      accesses: sumOver(this.view, this.view.columns.count.accesses),
      rounds: this.view.control.run.rounds.peek(0),
    };
  }

  private patience(): number {
    return this.options.patience ?? 10;
  }
}

/** @throws what the worker said was wrong with the input; Error for anything else */
function value<T>(answer: Answer<T>): T {
  if (answer.ok) return answer.value;
  const { kind, message, badInput } = answer.fault;
  if (badInput) throw new BadInput(badInput);
  throw kind === 'input' ? new RangeError(message) : new Error(message);
}

async function release(worker: ThreadWorker, pool: ThreadPool): Promise<void> {
  if (!worker.lost) await worker.ask((actor) => actor.stop(), GRACE_LOOKS * LOOK_MS).catch(() => worker.terminate());
  pool.give(worker);
}
