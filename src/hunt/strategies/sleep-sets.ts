/**
 * Exhaustive search with sleep sets (Godefroid, LNCS 1032, 1996): one run for each Mazurkiewicz trace. A branch whose event
 * has been explored puts it to sleep for the events that come after; it wakes when an event that depends on it happens. Two
 * events are independent if they are of different CPUs and no word is touched by both and written by one: all words count,
 * those of the oracle too, because verdicts depend on the order of what it hears. A delivery touches the pending word of its
 * CPU. The adversary does not act. Not optimal: a run all of whose events sleep is given up, and counted.
 */
import { type Choice, choiceCpu } from '../../engine/choice.ts';
import { disjoint, type Footprint } from '../../memory/step-record.ts';
import { type Branch, DepthFirst } from './depth-first.ts';
import type { Run } from './strategy.ts';

interface Sleepers extends Branch {
  /** Events that need not happen here next, with what they touch. */
  readonly asleep: Map<Choice, Footprint>;
  /** What the event taken touches, once it has happened. */
  touches: Footprint;
}

export class SleepSets extends DepthFirst<Sleepers> {
  readonly name = 'exhaustive';
  private runs = 0;
  private blocked = 0;

  override begin(): boolean {
    const goesOn = super.begin();
    if (goesOn) this.runs++;
    return goesOn;
  }

  /** Traces: runs to the end. Blocked: runs given up, because all that could happen was asleep. */
  figures(): { traces: number; blocked: number } {
    return { traces: this.runs - this.blocked, blocked: this.blocked };
  }

  protected open(run: Run, before: Sleepers | undefined): Sleepers | undefined {
    const asleep = new Map<Choice, Footprint>();
    if (before !== undefined) {
      const cpu = choiceCpu(before.choices[before.taken]);
      for (const [c, touches] of before.asleep) {
        if (choiceCpu(c) !== cpu && disjoint(touches, before.touches)) asleep.set(c, touches);
      }
    }
    const choices = [...run.choices];
    const taken = choices.findIndex((c) => !asleep.has(c));
    if (taken < 0) {
      this.blocked++;
      return undefined;
    }
    return { choices, taken, asleep, touches: [] };
  }

  protected next(branch: Sleepers): boolean {
    branch.asleep.set(branch.choices[branch.taken], branch.touches);
    branch.taken = branch.choices.findIndex((c) => !branch.asleep.has(c));
    return branch.taken >= 0;
  }

  protected override happened(run: Run, branch: Sleepers): void {
    branch.touches = run.footprint();
  }
}
