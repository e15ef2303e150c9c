/**
 * Depth-first search: each run follows the path of the last one to its deepest branch with a choice left and goes on from
 * there, or starts there if the machine can go back so far. What a branch is, and which choices are left, is for the search to
 * say.
 */
import type { Choice } from '../../engine/choice.ts';
import { FAIR_AFTER, type Run, type Strategy } from './strategy.ts';

export interface Branch {
  readonly choices: readonly Choice[];
  /** Position of the choice taken. */
  taken: number;
}

export abstract class DepthFirst<B extends Branch> implements Strategy {
  abstract readonly name: string;
  /** Every schedule has been run, or one equal to it. */
  complete = false;
  /** Branches of the present run, from the start on. */
  protected readonly path: B[] = [];
  private depth = 0;
  private started = false;
  /** Some schedule was not followed to its end. */
  cutShort = false;

  /** The branch at which the run stands for the first time; undefined gives the run up. */
  protected abstract open(run: Run, before: B | undefined): B | undefined;
  /** Moves the branch on to its next choice; false if it has none left. */
  protected abstract next(branch: B): boolean;
  /** The event of the deepest branch so far has just happened. */
  protected happened?(run: Run, branch: B): void;
  /** All branches are done: is there another sweep to make? */
  protected sweepsAgain(): boolean {
    return false;
  }
  /** Is nothing left out when no branch is left? */
  protected coveredAll(): boolean {
    return true;
  }

  begin(): boolean {
    if (this.started && !this.advance()) {
      this.complete = !this.cutShort && this.coveredAll();
      return false;
    }
    this.started = true;
    this.depth = 0;
    return true;
  }

  /** Behind `begin`: so many events of this run are those of the last one. */
  get inCommon(): number {
    return Math.max(0, this.path.length - 1);
  }
  /** Behind `begin`: the run starts where it would be behind those. */
  startBehindThem(): void {
    this.depth = this.inCommon;
  }

  choose(run: Run): number {
    const { path } = this;
    this.tell(run);
    if (this.depth === path.length) {
      const branch = this.open(run, path[this.depth - 1]);
      if (branch === undefined) return -1;
      path.push(branch);
    }
    const branch = path[this.depth++];
    return branch.choices[branch.taken];
  }

  end(run: Run): void {
    this.tell(run);
    // behind that many steps others chose
    if (run.steps >= FAIR_AFTER) this.cutShort = true;
  }

  /** Stands where another search stood when it had made the run to the end of this path. */
  protected standAt(path: readonly B[]): void {
    this.path.push(...path);
    this.depth = path.length;
    this.started = true;
  }

  private tell(run: Run): void {
    if (this.depth > 0 && this.depth === this.path.length) this.happened?.(run, this.path[this.depth - 1]);
  }

  private advance(): boolean {
    const { path } = this;
    // branches behind the end of the last run do not exist
    path.length = this.depth;
    while (path.length > 0) {
      if (this.next(path[path.length - 1])) return true;
      path.pop();
    }
    return this.sweepsAgain();
  }
}
