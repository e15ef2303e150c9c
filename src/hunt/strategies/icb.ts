/**
 * Exhaustive search by re-execution: every schedule with 0 preemptions, then with 1, and so on (iterative context
 * bounding), so that the first counterexample has the fewest. A switch away from a CPU that could go on costs 1, a forced
 * switch nothing. The search is complete when a bound cut nothing off. The adversary does not act.
 */
import { type Choice, choiceCpu } from '../../engine/choice.ts';
import type { Stepper } from '../../engine/stepper.ts';
import type { Strategy } from './strategy.ts';

interface Node {
  readonly choices: readonly Choice[];
  /** Position of the choice taken. */
  taken: number;
  /** Preemptions used before this node. */
  readonly used: number;
  /** CPU that ran the step before, or -1. */
  readonly running: number;
}

export class Exhaustive implements Strategy {
  readonly name = 'exhaustive';
  /** Every schedule has been run. */
  complete = false;
  /** Preemptions allowed in the present sweep. */
  bound = 0;
  private readonly path: Node[] = [];
  private depth = 0;
  private started = false;
  private cut = false;

  constructor(private readonly maxBound = Number.POSITIVE_INFINITY) {}

  begin(): boolean {
    if (this.started && !this.advance()) return false;
    this.started = true;
    this.depth = 0;
    return true;
  }

  choose(stepper: Stepper): number {
    const { path } = this;
    if (this.depth === path.length) path.push(this.open(stepper));
    const node = path[this.depth++];
    return node.choices[node.taken];
  }

  private open(stepper: Stepper): Node {
    const before = this.path[this.path.length - 1];
    const running = before ? choiceCpu(before.choices[before.taken]) : -1;
    const used = before ? before.used + cost(before, before.taken) : 0;
    // the running CPU first: the cheapest schedule leads
    const choices = [...stepper.choices].sort((a, b) => rank(a, running) - rank(b, running));
    return { choices, taken: 0, used, running };
  }

  /** Moves to the next schedule within the bound; raises the bound when the sweep is over. */
  private advance(): boolean {
    const { path } = this;
    // nodes behind the end of the last run do not exist
    path.length = this.depth;
    while (path.length > 0) {
      const node = path[path.length - 1];
      while (++node.taken < node.choices.length) {
        if (node.used + cost(node, node.taken) <= this.bound) return true;
        this.cut = true;
      }
      path.pop();
    }
    if (!this.cut) {
      this.complete = true;
      return false;
    }
    if (this.bound >= this.maxBound) return false;
    this.bound++;
    this.cut = false;
    return true;
  }
}

function rank(c: Choice, running: number): number {
  return choiceCpu(c) === running ? 0 : 1;
}

function cost(node: Node, taken: number): number {
  if (node.running < 0 || choiceCpu(node.choices[taken]) === node.running) return 0;
  return node.choices.some((c) => choiceCpu(c) === node.running) ? 1 : 0;
}
