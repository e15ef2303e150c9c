/** Runs of a program that agree with the order of steps that a round had. */
import type { MachinePlan } from '../../engine/machine-plan.ts';
import { Stepper } from '../../engine/stepper.ts';
import { execute, MAX_STEPS } from '../execute.ts';
import type { HuntOptions, RawFinding } from '../hunt.ts';
import { huntingPlan } from '../hunting-plan.ts';
import type { Random } from '../random.ts';
import type { Lifted } from './round-program.ts';
import { type StepOrder, shifted, TicketOrder } from './ticket-order.ts';

/** Runs that only look for a conviction: what they find is recorded with all checks in the end. */
export const UNCHECKED = { access: false, hash: false } as const;
/** The shares of their steps that are not where their ticket is, for runs in turn. */
export const SHARES = [0, 0.03, 0.1, 0.3, 1];

/** Steps between two looks at the time. */
const LOOK_EVERY = 1000;

/** A lifted program, and what runs it. */
export interface Runnable {
  readonly plan: MachinePlan;
  readonly stepper: Stepper;
  readonly order: StepOrder;
}

export function runnable(
  { program, order }: Lifted,
  of: Pick<HuntOptions, 'policy' | 'patches' | 'strict' | 'costs'>,
): Runnable {
  const plan = huntingPlan(program, of);
  return { plan, order, stepper: new Stepper({ ...plan, checks: UNCHECKED }) };
}

/** @param share of its steps that are not where their ticket is, 0 to 1 @param outOfTime asked on the way */
export function agreeing(
  { plan, stepper, order }: Runnable,
  random: Random,
  share: number,
  outOfTime: () => boolean,
): RawFinding | undefined {
  const steps = shifted(order, random, share);
  const run = along(stepper, steps, random, { most: MAX_STEPS, tail: Number.POSITIVE_INFINITY, outOfTime });
  const { convicted: conviction, choices, steps: length } = run;
  return conviction && { plan, conviction, choices, strategy: 'agreeing', steps: length };
}

/** A run of `stepper` along `order`, and the choices that it made; it ends if there is no time left. */
export function along(
  stepper: Stepper,
  order: StepOrder,
  random: Random,
  { most, tail, outOfTime }: { most: number; tail: number; outOfTime: () => boolean },
) {
  const choices: number[] = [];
  const { choose } = new TicketOrder(order, random, tail);
  stepper.reset();
  const run = execute(
    stepper,
    (s) => {
      const c = s.steps % LOOK_EVERY === LOOK_EVERY - 1 && outOfTime() ? -1 : choose(s);
      if (c >= 0) choices.push(c);
      return c;
    },
    most,
  );
  return { ...run, choices };
}
