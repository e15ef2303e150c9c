/**
 * The coarse grain: a random walk that changes the CPU only between operations, so that a schedule is an order of whole
 * operations. One that cannot end without others (acknowledgements, a sleep) lets them go on until it can: interrupts are
 * handled first, and only then does another operation begin.
 */
import { type Choice, choiceCpu, choiceKind, DELIVER, RUN } from '../../engine/choice.ts';
import type { CpuId } from '../../hardware/types.ts';
import type { Random } from '../random.ts';
import { RandomAdversary } from './adversary.ts';
import type { AdversaryBudget, Run, Strategy } from './strategy.ts';

const NOBODY = -1;

export class OperationWalk implements Strategy {
  readonly name = 'operations';
  private readonly adversary: RandomAdversary;
  /** Whose operation is under way, and which one it is. */
  private current = NOBODY;
  private operation = 0;
  /** The CPU that handles an interrupt which the operation waits for. */
  private helper = NOBODY;

  constructor(
    private readonly random: Random,
    budget: AdversaryBudget,
  ) {
    this.adversary = new RandomAdversary(random, budget);
  }

  begin(): boolean {
    this.adversary.begin();
    this.current = NOBODY;
    this.helper = NOBODY;
    return true;
  }

  choose(run: Run): number {
    const within = this.within(run);
    if (within >= 0) return within;
    const act = this.adversary.act(run);
    if (act >= 0) return act;
    const picked = run.choices[this.random.below(run.choices.length)];
    this.current = choiceCpu(picked);
    this.operation = run.operationOf(this.current as CpuId);
    this.helper = NOBODY;
    return picked;
  }

  /** What the operation under way goes on with; -1 if none is, or it waits for another one. */
  private within(run: Run): number {
    if (this.current === NOBODY || run.operationOf(this.current as CpuId) !== this.operation) return -1;
    const { choices } = run;
    const own = choiceOf(choices, this.current);
    if (own !== undefined) return own;
    // what was begun on another CPU for this operation's sake goes on first
    const helped = this.helper === NOBODY ? undefined : choiceOf(choices, this.helper, RUN);
    if (helped !== undefined) return helped;
    const deliveries = choices.filter((c) => choiceKind(c) === DELIVER);
    if (deliveries.length === 0) return -1;
    const picked = deliveries[this.random.below(deliveries.length)];
    this.helper = choiceCpu(picked);
    return picked;
  }
}

/** An event of that CPU, if it has one: its interrupt first. */
function choiceOf(choices: readonly Choice[], cpu: number, kind?: typeof RUN): Choice | undefined {
  const own = choices.filter((c) => choiceCpu(c) === cpu && (kind === undefined || choiceKind(c) === kind));
  return own.find((c) => choiceKind(c) === DELIVER) ?? own[0];
}
