/** The adversary's part of a random schedule: rarely, and within its budget, hardware acts instead of a path. */
import { ADVERSARY, choice, choiceCpu } from '../../engine/choice.ts';
import type { Stepper } from '../../engine/stepper.ts';
import { adversaryActions } from '../../hardware/adversary.ts';
import type { Random } from '../random.ts';
import type { AdversaryBudget } from './strategy.ts';

/** One step in this many is the adversary's while its budget lasts. */
const RARITY = 8;

export class RandomAdversary {
  private actions = 0;
  private ticks = 0;
  private readonly list: number[] = [];

  constructor(
    private readonly random: Random,
    private readonly budget: AdversaryBudget,
  ) {}

  begin(): void {
    this.actions = this.budget.actions;
    this.ticks = this.budget.ticks;
  }

  /** An action to take now, or -1. */
  act(stepper: Stepper): number {
    if (this.actions + this.ticks === 0 || this.random.below(RARITY) !== 0) return -1;
    const id = choiceCpu(stepper.choices[this.random.below(stepper.choices.length)]);
    if (this.ticks > 0 && this.random.below(this.actions + this.ticks) < this.ticks) {
      const tick = stepper.tickChoice(id);
      if (tick >= 0) this.ticks--;
      return tick;
    }
    const n = this.actions > 0 ? adversaryActions(stepper.cpuAt(id), stepper.machine.pages, this.list) : 0;
    if (n === 0) return -1;
    this.actions--;
    return choice(ADVERSARY, id, this.list[this.random.below(n)]);
  }
}
