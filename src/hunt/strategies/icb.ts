/**
 * ICB: iterative context bounding (Musuvathi, Qadeer, PLDI 2007; CHESS). Every schedule with 0 preemptions, then with 1, and
 * so on, so that the first counterexample has the fewest. A switch away from a CPU that could go on costs 1, a forced switch
 * nothing. The search is complete when a bound cut nothing off. The adversary does not act.
 */
import { type Choice, choiceCpu } from '../../engine/choice.ts';
import { type Branch, DepthFirst } from './depth-first.ts';
import type { Run } from './strategy.ts';

interface Switch extends Branch {
  /** Preemptions used before this branch. */
  readonly used: number;
  /** CPU that ran the step before, or -1. */
  readonly running: number;
}

export class Icb extends DepthFirst<Switch> {
  /** Preemptions allowed in the present sweep. */
  private bound = 0;
  private swept = -1;
  private cut = false;

  /** @param maxBound preemptions at most: preemption-bounded search. */
  constructor(
    private readonly maxBound = Number.POSITIVE_INFINITY,
    readonly name = 'icb',
  ) {
    super();
  }

  /** Preemptions up to which every schedule has been run; -1 if there is no such number yet. */
  figures(): { preemptions: number } {
    return { preemptions: this.swept };
  }

  protected open(run: Run, before: Switch | undefined): Switch {
    const running = before ? choiceCpu(before.choices[before.taken]) : -1;
    const used = before ? before.used + cost(before, before.taken) : 0;
    // the running CPU first: the cheapest schedule leads
    const choices = [...run.choices].sort((a, b) => rank(a, running) - rank(b, running));
    return { choices, taken: 0, used, running };
  }

  protected next(branch: Switch): boolean {
    while (++branch.taken < branch.choices.length) {
      if (branch.used + cost(branch, branch.taken) <= this.bound) return true;
      this.cut = true;
    }
    return false;
  }

  protected override sweepsAgain(): boolean {
    this.swept = this.bound;
    if (!this.cut || this.bound >= this.maxBound) return false;
    this.bound++;
    this.cut = false;
    return true;
  }
  protected override coveredAll(): boolean {
    return !this.cut;
  }
}

function rank(c: Choice, running: number): number {
  return choiceCpu(c) === running ? 0 : 1;
}

function cost(branch: Switch, taken: number): number {
  if (branch.running < 0 || choiceCpu(branch.choices[taken]) === branch.running) return 0;
  return branch.choices.some((c) => choiceCpu(c) === branch.running) ? 1 : 0;
}
