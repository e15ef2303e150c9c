/**
 * Search of all reachable states, depth first. A run that comes to a state that was visited before is given
 * up (hash compaction; Wolper, Leroy, CAV 1993), and of two orders of independent events one is run (sleep sets, with what
 * visited states need to know of them: Godefroid, LNCS 1032, 1996, 5.2). Sleep sets leave out ways to states, never states.
 * Independence is that of `SleepSets`. States are known by a hash, so that two may be taken for one.
 *
 * Hardware acts on its own within a budget, which is part of the state: what is left of it decides what can still happen. An
 * action is run only where an event of a path that depends on it could come next. That is enough: an action that the next
 * event does not depend on may as well come behind that event, and one on which no later event depends may as well be left
 * out. What another action, made possible by the first, could touch counts as touched by the first (`HardwareReach`).
 */
import { ADVERSARY, type Choice, choiceCpu, choiceKind } from '../../engine/choice.ts';
import { disjoint, type Footprint, HIGH, LOW, mixed } from '../../memory/step-record.ts';
import { FIRST_VISIT, SLEEPERS, type VisitedStates } from '../verify/visited-states.ts';
import { type Branch, DepthFirst } from './depth-first.ts';
import type { Run } from './strategy.ts';

interface StateBranch extends Branch {
  /** Positions of the choices to take here, in order, and which of them is taken now. */
  readonly todo: number[];
  at: number;
  /** Positions of actions that may have to be taken too, with what they could touch: that shows when all events have been run. */
  waiting: readonly (readonly [position: number, reach: Footprint])[];
  /** Events that need not happen here next, with what they touch. */
  readonly asleep: Map<Choice, Footprint>;
  /** What the event taken touches, once it has happened. */
  touches: Footprint;
  /** Actions that hardware may still take here. */
  readonly budget: number;
}

/** Where a search stands between two runs: the next one takes the first choice of the last branch that it has left. */
export type SearchPlace = readonly {
  readonly choices: readonly number[];
  readonly todo: readonly number[];
  readonly at: number;
  readonly waiting: readonly (readonly [position: number, reach: readonly number[]])[];
  readonly asleep: readonly (readonly [choice: number, touches: readonly number[]])[];
  readonly touches: readonly number[];
  readonly budget: number;
}[];

/** What hardware may do on its own. */
export interface OwnActions {
  /** Actions per run. */
  readonly budget: number;
  /** Those possible now. */
  actions(): readonly Choice[];
  /**
   * All that each of those, and what it makes possible while `left` of them are left, could touch. undefined: one of them may
   * convict, so that all of them have to be taken.
   */
  reach(left: number): ((c: Choice) => Footprint) | undefined;
}

export class StateSearch extends DepthFirst<StateBranch> {
  /** Branches of the longest run so far. */
  longest = 0;

  constructor(
    private readonly visited: VisitedStates,
    /** The hash of the state in which the run is. */
    private readonly state: () => { readonly low: number; readonly high: number },
    private readonly hardware?: OwnActions,
    readonly name = 'states',
  ) {
    super();
  }

  protected open(run: Run, before: StateBranch | undefined): StateBranch | undefined {
    const budget = this.budgetBehind(before);
    const choices = [...run.choices, ...((budget > 0 && this.hardware?.actions()) || [])];
    const asleep = before === undefined ? new Map<Choice, Footprint>() : stillAsleep(before);
    let sleeping = 0;
    for (const c of asleep.keys()) {
      const position = choices.indexOf(c);
      // an action that the budget no longer allows is no choice
      if (position >= 0 && position < SLEEPERS) sleeping |= 1 << position;
      else asleep.delete(c);
    }
    const slept = this.visit(budget, sleeping);
    if (slept === undefined) return undefined;
    const branch: StateBranch = { choices, todo: [], at: -1, taken: -1, waiting: [], asleep, touches: [], budget };
    const awake = [...choices.keys()].filter((i) => i >= SLEEPERS || (sleeping & (1 << i)) === 0);
    if (slept === FIRST_VISIT) {
      const reach = budget > 0 ? this.hardware?.reach(budget) : undefined;
      branch.todo.push(...awake.filter((i) => reach === undefined || i < run.choices.length));
      if (reach) branch.waiting = awake.slice(branch.todo.length).map((i) => [i, reach(choices[i])]);
    } else {
      // what slept at all visits before and is awake now; what has been run from here stays awake
      branch.todo.push(...awake.filter((i) => i < SLEEPERS && (slept & (1 << i)) !== 0));
      for (const c of asleep.keys()) if ((slept & (1 << choices.indexOf(c))) === 0) asleep.delete(c);
    }
    return toNext(branch) ? branch : undefined;
  }

  protected next(branch: StateBranch): boolean {
    branch.asleep.set(branch.choices[branch.taken], branch.touches);
    return toNext(branch);
  }

  protected override happened(run: Run, branch: StateBranch): void {
    branch.touches = run.footprint();
  }

  override end(run: Run): void {
    super.end(run);
    this.longest = Math.max(this.longest, this.path.length);
    // a state without a choice is no branch
    if (run.choices.length === 0) this.visit(this.budgetBehind(this.path[this.path.length - 1]), 0);
  }

  /** Share of the tree that is done, if each choice of a branch leads to as much as its others. */
  progress(): number {
    if (this.complete) return 1;
    let done = 0;
    let share = 1;
    for (const { todo, waiting, at } of this.path) {
      share /= todo.length + waiting.length;
      done += share * at;
    }
    return done;
  }

  place(): SearchPlace {
    return this.path.map(({ taken, asleep, ...branch }) => ({ ...branch, asleep: [...asleep] }));
  }
  /** Goes on where another search stood. */
  goOn(place: SearchPlace): void {
    this.standAt(
      place.map(({ choices, todo, asleep, ...branch }) => ({
        ...branch,
        choices: choices as readonly Choice[],
        todo: [...todo],
        taken: todo[branch.at],
        asleep: new Map(asleep) as Map<Choice, Footprint>,
      })),
    );
  }

  /** What is left to hardware when the branch's choice has been taken. */
  private budgetBehind(branch: StateBranch | undefined): number {
    // without a budget its actions are choices as any
    if (this.hardware === undefined) return 0;
    if (branch === undefined) return this.hardware.budget;
    return isAction(branch.choices[branch.taken]) ? branch.budget - 1 : branch.budget;
  }

  /**
   * The events that slept at all visits of this state before, FIRST_VISIT if there was none, or undefined if one with more
   * left to hardware makes this one needless: from there the same has been run, and more.
   */
  private visit(budget: number, sleeping: number): number | undefined {
    const { visited } = this;
    const { low, high } = this.state();
    for (let more = this.hardware?.budget ?? 0; more > budget; more--) {
      const slept = visited.sleptAt(mixed(low, more, LOW), mixed(high, more, HIGH));
      if (slept !== FIRST_VISIT && (slept & ~sleeping) === 0) return undefined;
    }
    return budget === 0
      ? visited.visit(low, high, sleeping)
      : visited.visit(mixed(low, budget, LOW), mixed(high, budget, HIGH), sleeping);
  }
}

function isAction(c: Choice): boolean {
  return choiceKind(c) === ADVERSARY;
}

/** Goes on to the next choice of the branch that is to be taken; false if there is none. */
function toNext(branch: StateBranch): boolean {
  const { todo, waiting, asleep } = branch;
  if (++branch.at === todo.length) {
    // every event possible here has been run from here, or sleeps: what it touches is known
    for (const [position, reach] of waiting) {
      const counts = [...asleep].some(([c, touches]) => !isAction(c) && !disjoint(reach, touches));
      if (counts) todo.push(position);
    }
    branch.waiting = [];
  }
  if (branch.at === todo.length) return false;
  branch.taken = todo[branch.at];
  return true;
}

/** What sleeps behind the branch's choice: what slept before it, or was run instead of it, and does not depend on it. */
function stillAsleep({ choices, taken, asleep, touches }: StateBranch): Map<Choice, Footprint> {
  const event = choices[taken];
  const still = new Map<Choice, Footprint>();
  for (const [c, others] of asleep) {
    const apart = choiceCpu(c) !== choiceCpu(event) || isAction(event) || isAction(c);
    if (apart && disjoint(others, touches)) still.set(c, others);
  }
  return still;
}
