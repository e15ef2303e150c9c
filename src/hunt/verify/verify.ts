/**
 * The verifier: every reachable state of one program under one policy, with at most so many actions of hardware on its own. It
 * can be asked at any moment where it stands, and go on from there in another process as if it had never stopped.
 */
import type { MachinePlan } from '../../engine/machine-plan.ts';
import { Stepper } from '../../engine/stepper.ts';
import { execute } from '../execute.ts';
import type { RawFinding } from '../hunt.ts';
import { rewinding } from '../hunting-plan.ts';
import { MachineRun } from '../machine-run.ts';
import { CHECK_EVERY, isRepeatable } from '../repeatable.ts';
import { startRun } from '../start-run.ts';
import { type SearchPlace, StateSearch } from '../strategies/state-search.ts';
import { chooseFairly } from '../strategies/strategy.ts';
import { asChosen } from './all-programs.ts';
import { HardwareReach } from './hardware-reach.ts';
import { StateHash } from './state-hash.ts';
import { VisitedStates } from './visited-states.ts';

/** Where a verification stands between two runs; the states visited belong to it, and are kept apart. */
export interface VerifyPlace {
  readonly runs: number;
  readonly steps: number;
  readonly longest: number;
  /** Some run was too long to be followed. */
  readonly cutShort: boolean;
  readonly path: SearchPlace;
}

export interface VerifyState {
  readonly states: number;
  readonly runs: number;
  /** Of all runs, without those that a run has in common with the one before. */
  readonly steps: number;
  /** Share of the search that is done, an estimate. */
  readonly progress: number;
}

export interface VerifyResult extends VerifyState {
  readonly found: RawFinding | undefined;
  /** Every reachable state was visited. */
  readonly complete: boolean;
  /** Steps of the longest run. */
  readonly depth: number;
  /** One run made twice gave two results: a tool error. */
  readonly diverged: boolean;
}

export class Verifier {
  private readonly visited = new VisitedStates();
  private readonly stepper: Stepper;
  private readonly view: MachineRun;
  private readonly search: StateSearch;
  private readonly hash = new StateHash();
  /** Of the last run. */
  private readonly choices: number[] = [];
  private runs = 0;
  private steps = 0;
  private found: RawFinding | undefined = undefined;
  private diverged = false;

  /**
   * @param actions of hardware on its own, at most, in each run
   * @param from where an earlier verification of the same plan stood, and all states that it had visited
   */
  constructor(
    private readonly plan: MachinePlan,
    actions = 0,
    from?: { readonly place: VerifyPlace; readonly states: readonly Int32Array[] },
  ) {
    this.stepper = new Stepper(rewinding(plan));
    this.view = new MachineRun(this.stepper);
    this.search = new StateSearch(
      this.visited,
      () => this.hash.take(this.stepper),
      new HardwareReach(this.stepper, actions),
    );
    if (from === undefined) return;
    const { place, states } = from;
    for (const pairs of states) this.visited.restore(pairs);
    this.search.goOn(place.path);
    this.search.longest = place.longest;
    this.search.cutShort = place.cutShort;
    this.runs = place.runs;
    this.steps = place.steps;
  }

  /**
   * Goes on until every state has been visited, a run convicts, or `stops` is true, which is asked between runs.
   * @throws PathError when a plug-in breaks the rules of paths.
   */
  run(stops: () => boolean): VerifyResult {
    while (!this.found && !this.diverged && !stops() && this.search.begin()) this.once();
    const { complete, longest } = this.search;
    return { ...this.state(), found: this.found, complete, depth: longest, diverged: this.diverged };
  }

  state(): VerifyState {
    return { states: this.visited.size, runs: this.runs, steps: this.steps, progress: this.search.progress() };
  }
  place(): VerifyPlace {
    const { longest, cutShort } = this.search;
    return { runs: this.runs, steps: this.steps, longest, cutShort, path: this.search.place() };
  }
  /** The states visited since the last call. */
  takeNewStates(): Int32Array {
    return this.visited.takeNew();
  }

  private once(): void {
    const { stepper, search, view, plan, choices } = this;
    const { inCommon } = search;
    choices.length = startRun(stepper, search, true);
    const run = execute(stepper, () => {
      const c = chooseFairly(search, view);
      if (c >= 0) choices.push(c);
      return c;
    });
    search.end(view);
    this.runs++;
    this.steps += run.steps - inCommon;
    if (run.convicted || this.runs % CHECK_EVERY === 1) this.diverged = !isRepeatable(stepper, choices, run);
    if (!run.convicted || this.diverged) return;
    this.found = {
      ...asChosen(plan, [...choices]),
      conviction: run.convicted,
      strategy: search.name,
      steps: run.steps,
    };
  }
}
