/**
 * The adversary's part of a random schedule: now and then, within its budget, hardware acts instead of a path. Half of its acts wait
 * for a walk that would be just in time (timely-walks.ts). The moments of the others, and of ticks, are drawn over the whole run, as long
 * as runs have been so far; half of these follow the one before at once. A walk that has begun mostly goes on to its end, as one act.
 */
import { ADVERSARY, type Choice, choice, choiceCpu } from '../../engine/choice.ts';
import { type AdversaryAction, isSpeculation, WALK_ON } from '../../hardware/adversary.ts';
import type { CpuId } from '../../hardware/types.ts';
import type { Random } from '../random.ts';
import type { AdversaryBudget, Run } from './strategy.ts';

/** Length of a run before any has been seen. */
const FIRST_GUESS = 64;
/** One speculative walk of so many stops half-way, until another action takes it on. */
const AT_ONCE = 4;
/** One walk of so many that would be just in time is made. */
const TAKEN = 4;

export class RandomAdversary {
  private actions = 0;
  private ticks = 0;
  /** Of the actions, those that wait for what they are about. */
  private timely = 0;
  /** Steps of this run, and of the longest so far. */
  private step = 0;
  private longest = 0;
  /** Steps at which it is its turn, the last first. */
  private readonly moments: number[] = [];
  private readonly list: number[] = [];
  /** A speculative walk is under way there, and goes on at once. */
  private walking: CpuId | undefined = undefined;

  constructor(
    private readonly random: Random,
    private readonly budget: AdversaryBudget,
  ) {}

  begin(): void {
    this.actions = this.budget.actions;
    this.ticks = this.budget.ticks;
    this.longest = Math.max(this.longest, this.step);
    this.step = 0;
    this.walking = undefined;
    const { moments, random } = this;
    moments.length = 0;
    this.timely = 0;
    for (let i = this.actions; i > 0; i--) if (random.below(2) === 0) this.timely++;
    for (let i = this.actions - this.timely + this.ticks; i > 0; i--) {
      const follows = moments.length > 0 && random.below(2) === 0;
      moments.push(follows ? moments[moments.length - 1] + 1 : random.below(this.longest || FIRST_GUESS));
    }
    moments.sort((a, b) => b - a);
  }

  /** An action to take now, or -1. */
  act(run: Run): number {
    this.step++;
    const on = this.walking === undefined ? -1 : this.walksOn(run, this.walking);
    if (on >= 0) return on;
    this.walking = undefined;
    const walk = this.timelyWalk(run);
    return walk >= 0 ? walk : this.momentary(run);
  }

  private timelyWalk(run: Run): number {
    const n = this.timely > 0 ? run.timelyWalks(this.list) : 0;
    if (n === 0 || this.random.below(TAKEN) > 0) return -1;
    this.timely--;
    this.actions--;
    const walk = this.list[this.random.below(n)] as Choice;
    this.walking = choiceCpu(walk);
    return walk;
  }

  private momentary(run: Run): number {
    const { moments } = this;
    if (moments.length === 0 || this.step <= moments[moments.length - 1]) return -1;
    // any CPU: one that waits has hardware too
    const id = this.random.below(run.cpus) as CpuId;
    const actions = this.actions - this.timely;
    if (this.ticks > 0 && this.random.below(actions + this.ticks) < this.ticks) {
      const tick = run.tickChoice(id);
      if (tick < 0) return -1;
      this.ticks--;
      moments.pop();
      return tick;
    }
    const n = actions > 0 ? run.hardwareActions(id, this.list) : 0;
    if (n === 0) return -1;
    this.actions--;
    moments.pop();
    const action = this.list[this.random.below(n)] as AdversaryAction;
    if (isSpeculation(action) && this.random.below(AT_ONCE) > 0) this.walking = id;
    return choice(ADVERSARY, id, action);
  }

  private walksOn(run: Run, id: CpuId): number {
    const n = run.hardwareActions(id, this.list);
    return this.list.lastIndexOf(WALK_ON, n - 1) >= 0 ? choice(ADVERSARY, id, WALK_ON) : -1;
  }
}
