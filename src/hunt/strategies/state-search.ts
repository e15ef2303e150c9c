/**
 * Search of all reachable states: depth first by re-execution, and a run that comes to a state that was visited before is
 * given up (hash compaction; Wolper, Leroy, CAV 1993). States are known by a hash, so that two may be taken for one.
 */
import type { Choice } from '../../engine/choice.ts';
import type { VisitedStates } from '../visited-states.ts';
import { type Branch, DepthFirst } from './depth-first.ts';
import type { Run } from './strategy.ts';

/** Where a search stands between two runs: the next one takes the first choice of the last branch that it has left. */
export type SearchPlace = readonly { readonly choices: readonly number[]; readonly taken: number }[];

export class StateSearch extends DepthFirst<Branch> {
  readonly name = 'states';
  /** Branches of the longest run so far. */
  longest = 0;

  constructor(
    private readonly visited: VisitedStates,
    /** The hash of the state in which the run is. */
    private readonly state: () => { readonly low: number; readonly high: number },
  ) {
    super();
  }

  protected open(run: Run): Branch | undefined {
    return this.seen() ? { choices: [...run.choices], taken: 0 } : undefined;
  }
  protected next(branch: Branch): boolean {
    return ++branch.taken < branch.choices.length;
  }

  override end(run: Run): void {
    super.end(run);
    this.longest = Math.max(this.longest, this.path.length);
    // a state without a choice is no branch
    if (run.choices.length === 0) this.seen();
  }

  /** Share of the tree that is done, if each choice of a branch leads to as much as its others. */
  progress(): number {
    if (this.complete) return 1;
    let done = 0;
    let share = 1;
    for (const { choices, taken } of this.path) {
      share /= choices.length;
      done += share * taken;
    }
    return done;
  }

  /** False if the state was visited before. */
  private seen(): boolean {
    const { low, high } = this.state();
    return this.visited.add(low, high);
  }

  place(): SearchPlace {
    return this.path.map(({ choices, taken }) => ({ choices, taken }));
  }
  /** Goes on where another search stood. */
  goOn(place: SearchPlace): void {
    this.standAt(place.map(({ choices, taken }) => ({ choices: choices as readonly Choice[], taken })));
  }
}
