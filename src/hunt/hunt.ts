/**
 * The hunt: program after program, schedule after schedule, until a run convicts or the budget is spent. Everything that
 * it does follows from the seed; time comes in only as `outOfTime`.
 */
import type { Choice } from '../engine/choice.ts';
import type { MachinePlan } from '../engine/machine.ts';
import { Stepper } from '../engine/stepper.ts';
import type { MemoryModel } from '../memory/tso-memory.ts';
import type { Harm, OracleOptions } from '../oracle/oracle.ts';
import type { Patch, Policy } from '../policy/policy.ts';
import type { Op, Program } from '../program/program.ts';
import { Coverage, type CoverageSummary } from './coverage.ts';
import { type Conviction, type Execution, execute } from './execute.ts';
import { generateProgram, swarmTraits } from './generator.ts';
import { MachineRun } from './machine-run.ts';
import { DEFAULT_MIX, Portfolio, type StrategyName, strategyNamed } from './portfolio.ts';
import { type Random, randomFrom } from './random.ts';
import { CHECK_EVERY, isRepeatable } from './repeatable.ts';
import { type AdversaryBudget, chooseFairly, type Run, type Strategy } from './strategies/strategy.ts';

export interface HuntOptions {
  readonly policy: Policy;
  readonly patches: readonly Patch[];
  /** The scenario to hunt in, or 'fuzz' for generated programs. */
  readonly source: Program | 'fuzz';
  readonly seed: number;
  /** CPUs of generated programs; what the generator draws if left out. */
  readonly cpus?: number;
  /** Schedules at most. */
  readonly schedules: number;
  readonly strategies?: readonly StrategyName[];
  /** The schedule that the strategy `replay` follows. */
  readonly recorded?: readonly number[];
  readonly strict: boolean;
  /** `sc` when left out. */
  readonly memory?: MemoryModel;
  readonly costs: string;
  readonly adversary?: AdversaryBudget;
  /** The debug mode of LUF's reviewers watches, too. */
  readonly lufDebug?: boolean;
  /** Told of every execution when it is over. Given, it stands in for a finding: no conviction ends the hunt. */
  judged?(stepper: Stepper, run: Execution): void;
  /** Polled between schedules; true ends the hunt. */
  outOfTime(): boolean;
  /** Told from time to time how far the hunt is. */
  progress?(state: HuntProgress): void;
}

export interface HuntProgress {
  readonly schedules: number;
  readonly steps: number;
  readonly programs: number;
}

/** A run that convicted, as found: the program, the plan and the exact schedule. */
export interface RawFinding {
  readonly plan: MachinePlan;
  readonly conviction: Conviction;
  readonly choices: readonly number[];
  readonly strategy: string;
  readonly steps: number;
}

export interface StrategyUse {
  readonly name: string;
  schedules: number;
  steps: number;
  /** Conflicting pairs that it was the first to show. */
  newPairs: number;
  /** What it convicted of. */
  found: Harm[];
  /** The k of PCT's bound: the largest number of steps of one run, where measured. */
  k?: number;
  /** ICB: every schedule with so many preemptions has been run. */
  preemptions?: number;
  /** Sleep sets: runs to the end, and runs given up. */
  traces?: number;
  blocked?: number;
}

export interface HuntResult {
  readonly found: RawFinding | undefined;
  readonly schedules: number;
  readonly steps: number;
  readonly programs: number;
  readonly strategies: readonly StrategyUse[];
  readonly windows: readonly { path: string; count: number; longestSteps: number }[];
  readonly coverage: CoverageSummary;
  /** Every schedule of the scenario has been run (exhaustive only). */
  readonly complete: boolean;
  /** Ended because a run twice gave two results: a tool error. */
  readonly diverged: boolean;
}

/** The cost profile of every hunt: cycles are words of the image, and a finding must find the same ones when it replays. */
export const HUNTING_COSTS = 'bare-metal';
/** Schedules that one generated program gets before the next is drawn. */
const SCHEDULES_PER_PROGRAM = 48;
const DEFAULT_BUDGET: AdversaryBudget = { actions: 3, ticks: 2 };

/**
 * Runs a hunt.
 * @throws PathError when a plug-in breaks the rules of paths.
 */
export function hunt(options: HuntOptions): HuntResult {
  return new Hunt(options).run();
}

/** The plan of a machine for hunting. */
export function huntingPlan(
  program: Program,
  of: Pick<HuntOptions, 'policy' | 'patches' | 'strict' | 'memory' | 'costs' | 'lufDebug'>,
): MachinePlan {
  const oracle: OracleOptions = { strict: of.strict, threads: false };
  return {
    program,
    policy: of.policy,
    patches: of.patches,
    oracle,
    memory: of.memory,
    costs: of.costs,
    lufDebug: of.lufDebug,
    audit: of.lufDebug,
  };
}

/** The same machine, keeping a record of what each step touches. */
export function recording(plan: MachinePlan): MachinePlan {
  return { ...plan, checks: { access: true, hash: true, record: true } };
}

/** The program on a machine with that many CPUs, its tasks spread over them by their old numbers. */
function onCpus(program: Program, cpus: number | undefined): Program {
  if (cpus === undefined) return program;
  const there = (op: Op): Op => ('cpu' in op ? { ...op, cpu: op.cpu % cpus } : op);
  return {
    ...program,
    machine: { ...program.machine, cpus },
    tasks: program.tasks.map((t) => ({ ...t, cpu: t.cpu % cpus, ops: t.ops.map(there) })),
    history: program.history.map(({ task, op }) => ({ task, op: there(op) })),
  };
}

class Hunt {
  private schedules = 0;
  private steps = 0;
  private programs = 0;
  private readonly uses = new Map<string, StrategyUse>();
  private readonly windows = new Map<string, { path: string; count: number; longestSteps: number }>();
  private readonly coverage = new Coverage();
  private readonly draws: Random;
  private readonly names: readonly StrategyName[];
  private readonly portfolio: Portfolio<StrategyName>;
  private found: RawFinding | undefined = undefined;
  private complete = false;
  private diverged = false;

  constructor(private readonly options: HuntOptions) {
    this.draws = randomFrom(options.seed, 0);
    this.names = options.strategies ?? DEFAULT_MIX;
    this.portfolio = new Portfolio(this.names);
  }

  run(): HuntResult {
    const { options } = this;
    if (options.source === 'fuzz') {
      const { bits } = this.draws;
      while (this.goesOn())
        this.huntIn(onCpus(generateProgram(bits, swarmTraits(bits)), options.cpus), SCHEDULES_PER_PROGRAM);
    } else {
      this.huntIn(options.source, options.schedules);
    }
    return {
      found: this.found,
      schedules: this.schedules,
      steps: this.steps,
      programs: this.programs,
      strategies: [...this.uses.values()],
      windows: [...this.windows.values()].sort((a, b) => b.count - a.count || (a.path < b.path ? -1 : 1)),
      coverage: this.coverage.summary(),
      complete: this.complete,
      diverged: this.diverged,
    };
  }

  private goesOn(): boolean {
    const { options } = this;
    return (
      !this.found && !this.diverged && !this.complete && this.schedules < options.schedules && !options.outOfTime()
    );
  }

  private huntIn(program: Program, schedules: number): void {
    const { options } = this;
    const plan = huntingPlan(program, options);
    const stepper = new Stepper(this.names.includes('exhaustive') ? recording(plan) : plan);
    const run = new MachineRun(stepper);
    const budget = options.adversary ?? DEFAULT_BUDGET;
    const random = randomFrom(this.draws.bits(), 1);
    const mix = new Map(this.names.map((name) => [name, strategyNamed(name, random, budget, options.recorded)]));
    this.programs++;
    for (let i = 0; i < schedules && mix.size > 0 && this.goesOn(); i++) {
      const name = this.portfolio.due([...mix.keys()]);
      const strategy = mix.get(name) as Strategy;
      if (strategy.begin(run)) this.portfolio.had(name, this.once(plan, stepper, run, strategy));
      else {
        mix.delete(name);
        this.complete = 'complete' in strategy && strategy.complete === true;
      }
      if (this.schedules % 256 === 0)
        options.progress?.({ schedules: this.schedules, steps: this.steps, programs: this.programs });
    }
    this.gatherWindows(stepper);
  }

  /** One schedule. Returns how many conflicting pairs it was the first to show. */
  private once(plan: MachinePlan, stepper: Stepper, run: Run, strategy: Strategy): number {
    const choices: number[] = [];
    const { coverage } = this;
    const known = coverage.pairs;
    coverage.begin();
    stepper.reset();
    const done = execute(stepper, (s) => {
      const c = chooseFairly(strategy, run);
      if (c < 0) return c;
      choices.push(c);
      coverage.step(s, c as Choice);
      return c;
    });
    strategy.end?.(run);
    const fresh = coverage.pairs - known;
    const use = this.count(strategy, done.steps, fresh);
    if (done.convicted || this.schedules % CHECK_EVERY === 1) this.diverged = !isRepeatable(stepper, choices, done);
    if (this.options.judged) this.options.judged(stepper, done);
    else if (done.convicted && !this.diverged) {
      use.found.push(done.convicted.harm);
      this.found = { plan, conviction: done.convicted, choices, strategy: strategy.name, steps: done.steps };
    }
    return fresh;
  }

  private count(strategy: Strategy, steps: number, newPairs: number): StrategyUse {
    const { name } = strategy;
    this.schedules++;
    this.steps += steps;
    const use = this.uses.get(name) ?? { name, schedules: 0, steps: 0, newPairs: 0, found: [] };
    use.schedules++;
    use.steps += steps;
    use.newPairs += newPairs;
    const { k, ...others } = (strategy.figures?.() ?? {}) as Partial<StrategyUse>;
    if (k !== undefined) use.k = Math.max(use.k ?? 0, k);
    Object.assign(use, others);
    this.uses.set(name, use);
    return use;
  }

  private gatherWindows(stepper: Stepper): void {
    for (const w of stepper.machine.oracle?.windows() ?? []) {
      const sum = this.windows.get(w.path) ?? { path: w.path, count: 0, longestSteps: 0 };
      sum.count += w.count;
      sum.longestSteps = Math.max(sum.longestSteps, w.longestSteps);
      this.windows.set(w.path, sum);
    }
  }
}
