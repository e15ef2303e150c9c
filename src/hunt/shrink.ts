/**
 * Shrinking: first the program (see smaller-programs.ts), then the schedule (preemptions), each to a fixed point. A smaller
 * candidate counts only if it convicts with the same harm, in no more steps than the run as found, and only strict replays are
 * kept; failures are not monotone, so every removal starts again from the best so far.
 */
import type { Choice } from '../engine/choice.ts';
import { ADVERSARY, choice, choiceArgument, choiceCpu, choiceKind, TICK } from '../engine/choice.ts';
import type { MachinePlan } from '../engine/machine-plan.ts';
import { Stepper } from '../engine/stepper.ts';
import { type Conviction, execute } from './execute.ts';
import type { RawFinding } from './hunt.ts';
import { HUNTING_BUDGET } from './hunting-plan.ts';
import { MachineRun } from './machine-run.ts';
import { strategyNamed } from './portfolio.ts';
import { randomFrom } from './random.ts';
import { follow } from './schedule.ts';
import { smallerPrograms } from './smaller-programs.ts';
import { type AdversaryBudget, chooseFairly } from './strategies/strategy.ts';

/** A convicting run that shrinking works on. */
interface Candidate {
  readonly plan: MachinePlan;
  readonly choices: readonly number[];
  readonly conviction: Conviction;
  readonly steps: number;
}

export interface ShrinkBudget {
  /** Schedules tried per smaller program. */
  readonly schedules: number;
  /** Asked once for each smaller candidate. */
  outOfTime(): boolean;
  /** Asked for each schedule; true ends the work on a candidate. */
  stopped(): boolean;
}

/** What is found here is recorded with all checks in the end. */
const UNCHECKED = { access: false, hash: false } as const;

const NO_ACTS: AdversaryBudget = { actions: 0, ticks: 0 };

/** The smallest run with the same harm that the budget allows. */
export function shrink(found: RawFinding, budget: ShrinkBudget): RawFinding {
  // a condition over registers would keep the loads that fill them; the oracle has judged without it
  const { final: _, ...program } = found.plan.program;
  const whole: Candidate = { ...found, plan: { ...found.plan, program } };
  // a story in which hardware does nothing on its own is told sooner, and believed sooner
  const calm = { ...whole, choices: whole.choices.filter((c) => !isAct(c)) };
  const quiet = convict(whole.plan, calm, found.steps, budget, NO_ACTS);
  const best = smallest(quiet ?? whole, found.steps, budget, quiet ? NO_ACTS : actsOf(found));
  return { ...found, ...fewerSwitches(best, budget) };
}

/** What hardware may do on its own in the schedules that are tried: nothing but ticks, if it does nothing else in the finding. */
function actsOf({ choices }: RawFinding): AdversaryBudget {
  const acts = choices.some((c) => choiceKind(c as Choice) === ADVERSARY);
  return acts ? HUNTING_BUDGET : { ...HUNTING_BUDGET, actions: 0 };
}

/** With a program of which nothing can be left out any more. */
function smallest(from: Candidate, most: number, budget: ShrinkBudget, hardware: AdversaryBudget): Candidate {
  let best = from;
  let progress = true;
  while (progress && !budget.outOfTime()) {
    progress = false;
    for (const { program, cpus } of smallerPrograms(best.plan.program)) {
      if (budget.outOfTime()) break;
      const smaller = convict({ ...best.plan, program }, renumbered(best, cpus), most, budget, hardware);
      if (!smaller) continue;
      best = smaller;
      progress = true;
      break;
    }
  }
  return best;
}

/** The run with the choices of the CPUs that are left, under their new numbers. */
function renumbered(run: Candidate, cpus: readonly number[]): Candidate {
  const choices = run.choices.flatMap((c) => {
    const cpu = cpus.indexOf(choiceCpu(c as Choice));
    return cpu < 0 ? [] : [choice(choiceKind(c as Choice), cpu, choiceArgument(c as Choice))];
  });
  return { ...run, choices };
}

/**
 * The shortest of the schedules tried that convicts this plan with the harm of `like`, in `most` steps at most. The first one tried
 * is that of `like`, as far as it is possible.
 */
function convict(
  plan: MachinePlan,
  like: Candidate,
  most: number,
  budget: ShrinkBudget,
  hardware: AdversaryBudget,
): Candidate | undefined {
  const stepper = new Stepper({ ...plan, checks: UNCHECKED });
  const view = new MachineRun(stepper);
  const random = randomFrom(like.steps, 2);
  const mix = (['pct-2', 'random', 'pct-3'] as const).map((name) => strategyNamed(name, random, hardware));
  const guided = follow(stepper, like.choices);
  let best: Candidate | undefined;
  if (guided.conviction?.harm === like.conviction.harm && guided.steps <= most) {
    best = { plan, ...guided, conviction: guided.conviction };
  }
  // what convicts in its history does so under any schedule
  const schedules = most === 0 ? 0 : budget.schedules;
  for (let i = 0; i < schedules && !budget.stopped(); i++) {
    const strategy = mix[i % mix.length];
    strategy.begin(view);
    const choices: number[] = [];
    stepper.reset();
    const run = execute(stepper, () => {
      const c = chooseFairly(strategy, view);
      choices.push(c);
      return c;
    });
    const { convicted: conviction, steps } = run;
    if (conviction?.harm !== like.conviction.harm || steps > (best?.steps ?? most)) continue;
    best = { plan, choices, conviction, steps };
  }
  return best;
}

/** Takes preemptions and actions of the adversary out of the schedule, one block at a time, while the harm stays. */
function fewerSwitches(from: Candidate, budget: ShrinkBudget): Candidate {
  const stepper = new Stepper({ ...from.plan, checks: UNCHECKED });
  let best = from;
  let progress = true;
  while (progress && !budget.outOfTime()) {
    progress = false;
    for (const fewer of without(best.choices)) {
      if (budget.outOfTime()) break;
      const run = follow(stepper, fewer);
      const { conviction, choices, steps } = run;
      if (!conviction || conviction.harm !== best.conviction.harm || !isSmaller(choices, best.choices)) continue;
      best = { plan: from.plan, choices, conviction, steps };
      progress = true;
      break;
    }
  }
  return best;
}

/** The choices without one block of one CPU, then without one act of the hardware or one tick. */
function* without(all: readonly number[]): Iterable<number[]> {
  const blocks = blocksOf(all);
  for (const block of blocks) yield blocks.filter((b) => b !== block).flat();
  for (const [i, c] of all.entries()) {
    if (choiceKind(c as Choice) >= ADVERSARY) yield all.filter((_, j) => j !== i);
  }
}

/** Hardware on its own, or a tick. */
function isAct(c: number): boolean {
  const kind = choiceKind(c as Choice);
  return kind === ADVERSARY || kind === TICK;
}

function isSmaller(a: readonly number[], b: readonly number[]): boolean {
  const x = blocksOf(a).length;
  const y = blocksOf(b).length;
  return x < y || (x === y && a.length < b.length);
}

/** Runs of choices of one CPU. */
function blocksOf(choices: readonly number[]): number[][] {
  const blocks: number[][] = [];
  let last = -1;
  for (const c of choices) {
    const cpu = choiceCpu(c as Choice);
    if (cpu === last) blocks[blocks.length - 1].push(c);
    else blocks.push([c]);
    last = cpu;
  }
  return blocks;
}
