/**
 * The hunt: program after program, schedule after schedule, until a run convicts or the budget is spent. Everything that
 * it does follows from the seed; time comes in only as `outOfTime`.
 */
import { type Choice, choiceCpu } from '../engine/choice.ts';
import type { MachinePlan } from '../engine/machine-plan.ts';
import type { Stepper } from '../engine/stepper.ts';
import { NOWHERE } from '../memory/memory.ts';
import type { MemoryModel } from '../memory/tso-memory.ts';
import type { Patch, Policy } from '../policy/policy.ts';
import type { Program } from '../program/program.ts';
import type { CoverageSummary } from './coverage.ts';
import { type Conviction, type Execution, execute } from './execute.ts';
import { type Drawn, Fuzz, isEncounter, type Origin, type Showing } from './fuzz.ts';
import type { HuntSums } from './hunt-sums.ts';
import { HuntTally } from './hunt-tally.ts';
import { HUNTING_BUDGET } from './hunting-plan.ts';
import { pageStates } from './page-states.ts';
import { type Place, Places } from './places.ts';
import { DEFAULT_MIX, ENCOUNTER_MIX, SMALL_SCOPE, type StrategyName, strategyNamed } from './portfolio.ts';
import { randomFrom } from './random.ts';
import { CHECK_EVERY, isRepeatable } from './repeatable.ts';
import { isInVain, SCHEDULES_PER_PROGRAM, schedulesFor } from './schedule-budget.ts';
import { stateSearchOf } from './small-scope-search.ts';
import { startRun } from './start-run.ts';
import { SharedSteps } from './strategies/shared-steps.ts';
import { type AdversaryBudget, chooseFairly, type Strategy } from './strategies/strategy.ts';
import type { FinishedRun } from './unmade/run.ts';
import { asChosen } from './verify/all-programs.ts';

export interface HuntOptions {
  readonly policy: Policy;
  readonly patches: readonly Patch[];
  /** The scenario to hunt in, or 'fuzz' for generated programs. */
  readonly source: Program | 'fuzz';
  readonly seed: number;
  /** CPUs of generated programs; what the generator draws if left out. */
  readonly cpus?: number;
  /** After what the patches changed, see difference.ts; so if left out, as far as there are any. */
  readonly directed?: boolean;
  /** Where generated programs come from, and what hunts before this one saw; a hunt has its own if left out. */
  readonly fuzz?: Fuzz;
  /** Schedules at most. */
  readonly schedules: number;
  readonly strategies?: readonly StrategyName[];
  /** The schedule that the strategy `replay` follows. */
  readonly recorded?: readonly number[];
  readonly strict: boolean;
  /** `sc` when left out. */
  readonly memory?: MemoryModel;
  readonly costs: string;
  /** What hardware may do on its own; `HUNTING_BUDGET` when left out. */
  readonly adversary?: AdversaryBudget;
  /** The debug mode of LUF's reviewers watches, too. */
  readonly lufDebug?: boolean;
  /** Told of every execution when it is over. Given, it stands in for a finding: no conviction ends the hunt. */
  judged?(stepper: Stepper, run: Execution): void;
  /** Polled between schedules; true ends the hunt. */
  outOfTime(): boolean;
  /** Told between two generated programs, when nothing is in flight, what the hunt did so far. */
  between?(sofar: HuntSums): void;
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

export interface HuntResult extends HuntSums {
  readonly found: RawFinding | undefined;
  readonly coverage: CoverageSummary;
  /** Every schedule of the scenario has been run (exhaustive only). */
  readonly complete: boolean;
  /** Ended because a run twice gave two results: a tool error. */
  readonly diverged: boolean;
}

/**
 * Runs a hunt.
 * @throws PathError when a plug-in breaks the rules of paths.
 */
export function hunt(options: HuntOptions): HuntResult {
  return new Hunt(options).run();
}

/** What a program of the corpus is hunted with when it comes again. */
const REPLAYED: readonly StrategyName[] = ['replay'];

/** Schedules between two tellings of progress. */
const TELL_EVERY = 256;

class Hunt {
  private readonly tally = new HuntTally();
  private readonly fuzz: Fuzz;
  private readonly names: readonly StrategyName[];
  private readonly places: Places;
  private found: RawFinding | undefined = undefined;
  private complete = false;
  private diverged = false;
  /** Schedules when progress was told last. */
  private told = 0;

  constructor(private readonly options: HuntOptions) {
    const { seed, cpus, strategies, patches, directed = patches.length > 0 } = options;
    this.fuzz = options.fuzz ?? new Fuzz({ seed, cpus, strategies, feedback: false, directed });
    this.names = (strategies ?? DEFAULT_MIX).filter((name) => name !== SMALL_SCOPE);
    this.places = new Places(options, this.fuzz, this.names.includes('exhaustive'));
  }

  run(): HuntResult {
    const { options } = this;
    const { source } = options;
    if (source === 'fuzz') {
      while (this.goesOn()) {
        const drawn = this.fuzz.next();
        this.fuzz.had(drawn, this.huntIn(drawn, SCHEDULES_PER_PROGRAM[drawn.origin]));
        if (this.goesOn()) options.between?.(this.tally.sums());
      }
    } else {
      const random = randomFrom(randomFrom(options.seed, 0).bits(), 1);
      this.huntIn({ program: source, random, recorded: options.recorded }, options.schedules);
    }
    const { found, complete, diverged } = this;
    return { ...this.tally.sums(), found, coverage: this.fuzz.coverage.summary(), complete, diverged };
  }

  /** Encounters are small: the fewer strategies, the more of each. */
  private namesFor(origin: Origin | undefined): readonly StrategyName[] {
    return origin && isEncounter(origin) && this.options.strategies === undefined ? ENCOUNTER_MIX : this.names;
  }

  private goesOn(): boolean {
    const { options, tally } = this;
    const isOver = this.found !== undefined || this.diverged || this.complete;
    return !isOver && tally.schedules < options.schedules && !options.outOfTime();
  }

  private huntIn(drawn: Omit<Drawn, 'origin'> & { readonly origin?: Origin }, schedules: number): Showing {
    const { options, tally } = this;
    const { menu, recorded, random, origin, past } = drawn;
    const place = this.places.of(drawn);
    const { stepper, difference } = place;
    const states = past && pageStates(stepper);
    const budget = options.adversary ?? HUNTING_BUDGET;
    const steps = new SharedSteps();
    const names = recorded && options.source === 'fuzz' ? REPLAYED : this.namesFor(origin);
    const mix = menu
      ? new Map<StrategyName, Strategy>([[SMALL_SCOPE, stateSearchOf(stepper)]])
      : new Map(names.map((name) => [name, strategyNamed(name, random, budget, recorded, steps)]));
    const best = { gain: 0, choices: [] as readonly number[] };
    const before = { size: this.fuzz.coverage.size, steps: tally.steps };
    tally.programs++;
    for (let i = 0; i < schedulesFor(origin, schedules, difference) && mix.size > 0 && this.goesOn(); i++) {
      if (origin && isInVain(origin, i, place, this.fuzz)) break;
      const name = this.fuzz.strategies.due([...mix.keys()]);
      const strategy = mix.get(name) as Strategy;
      if (strategy.begin(place.run)) {
        const { pairs, fresh, choices } = this.once(place, strategy);
        this.fuzz.strategies.had(name, pairs);
        if (fresh > best.gain) Object.assign(best, { gain: fresh, choices });
      } else {
        mix.delete(name);
        this.complete = options.source !== 'fuzz' && 'complete' in strategy && strategy.complete === true;
      }
      if (tally.schedules - this.told < TELL_EVERY) continue;
      this.told = tally.schedules;
      options.progress?.(tally);
    }
    tally.gatherWindows(stepper);
    if (menu) tally.searched(mix.size === 0);
    return {
      gain: this.fuzz.coverage.size - before.size,
      steps: tally.steps - before.steps,
      choices: best.choices,
      made: difference,
      states,
    };
  }

  /** One schedule, with the pairs, and with all, that it was the first to show. */
  private once(place: Place, strategy: Strategy) {
    const { plan, stepper, run, ledger, difference, unmade } = place;
    const { coverage } = this.fuzz;
    const known = { size: coverage.size, pairs: coverage.pairs };
    let last = NOWHERE;
    coverage.begin();
    // what a run has in common with the last one of its strategy shows nothing new
    const common = startRun(stepper, strategy, place.last === strategy && !difference);
    const choices = place.choices.slice(0, common);
    place.last = strategy;
    place.choices = choices;
    difference?.begin();
    unmade?.begin();
    const done = execute(stepper, (s) => {
      coverage.stepped(s, last, ledger);
      place.stale ||= run.holdsStale();
      const c = chooseFairly(strategy, run);
      if (c < 0) return c;
      unmade?.step(choices.length, c as Choice);
      choices.push(c);
      last = s.cpuAt(choiceCpu(c as Choice)).word;
      coverage.step(s, c as Choice);
      difference?.step(run, c as Choice);
      return c;
    });
    strategy.end?.(run);
    const { convicted } = done;
    this.tally.ranBy(strategy, done.steps - common, coverage.pairs - known.pairs, convicted?.harm);
    const isSample = this.tally.schedules % CHECK_EVERY === 1;
    this.judge({ plan, stepper, choices, run: done }, strategy.name, isSample);
    if (!convicted) {
      this.places.makeUp(place, (made) => {
        this.tally.ran(made.name, made.run.steps, 0, made.run.convicted?.harm);
        this.judge(made, made.name, false);
        return this.goesOn();
      });
    }
    return { pairs: coverage.pairs - known.pairs, fresh: coverage.size - known.size, choices };
  }

  /** A run is over. @param isSample it is to be made again, to be sure that it comes out the same */
  private judge({ plan, stepper, choices, run }: FinishedRun, strategy: string, isSample: boolean): void {
    const { convicted, steps } = run;
    if (convicted || isSample) this.diverged ||= !isRepeatable(stepper, choices, run);
    if (this.options.judged) this.options.judged(stepper, run);
    else if (convicted && !this.diverged)
      this.found = { ...asChosen(plan, choices), conviction: convicted, strategy, steps };
  }
}
