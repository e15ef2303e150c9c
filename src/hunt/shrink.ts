/**
 * Shrinking: first the program (operations of the history, of the tasks, whole tasks), then the schedule (preemptions),
 * each to a fixed point. A smaller candidate counts only if it convicts with the same harm, and only strict replays are
 * kept; failures are not monotone, so every removal starts again from the best so far.
 */
import type { Choice } from '../engine/choice.ts';
import { ADVERSARY, choice, choiceArgument, choiceCpu, choiceKind, RUN } from '../engine/choice.ts';
import type { MachinePlan } from '../engine/machine.ts';
import { Stepper } from '../engine/stepper.ts';
import { BadInput } from '../program/bad-input.ts';
import { checkProgram } from '../program/check.ts';
import type { Op, Program } from '../program/program.ts';
import { type Conviction, execute } from './execute.ts';
import type { RawFinding } from './hunt.ts';
import { MachineRun } from './machine-run.ts';
import { strategyNamed } from './portfolio.ts';
import { randomFrom } from './random.ts';
import { chooseFairly } from './strategies/strategy.ts';

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
  outOfTime(): boolean;
}

/** The smallest run with the same harm that the budget allows. */
export function shrink(found: RawFinding, budget: ShrinkBudget): RawFinding {
  // a condition over registers would keep the loads that fill them; the oracle has judged without it
  const { final: _, ...program } = found.plan.program;
  let best: Candidate = { ...found, plan: { ...found.plan, program } };
  let progress = true;
  while (progress && !budget.outOfTime()) {
    progress = false;
    for (const { program, cpus } of smaller(best.plan.program)) {
      if (budget.outOfTime()) break;
      const found = convict({ ...best.plan, program }, renumbered(best, cpus), budget.schedules);
      if (!found) continue;
      best = found;
      progress = true;
      break;
    }
  }
  return { ...found, ...fewerSwitches(best, budget) };
}

/** A smaller program; `cpus` lists the CPUs that are left, by their old numbers. */
interface Smaller {
  readonly program: Program;
  readonly cpus: readonly number[];
}

/** The run with the choices of the CPUs that are left, under their new numbers. */
function renumbered(run: Candidate, cpus: readonly number[]): Candidate {
  const choices = run.choices.flatMap((c) => {
    const cpu = cpus.indexOf(choiceCpu(c as Choice));
    return cpu < 0 ? [] : [choice(choiceKind(c as Choice), cpu, choiceArgument(c as Choice))];
  });
  return { ...run, choices };
}

function* smaller(program: Program): Iterable<Smaller> {
  const cpus = Array.from({ length: program.machine.cpus }, (_, id) => id);
  for (const less of withLess(program)) if (makesSense(less)) yield { program: less, cpus };
  const compact = withoutIdleCpus(program);
  if (compact.cpus.length < cpus.length) yield compact;
}

/** Would the program be accepted from a file? Not if it awaits what nobody posts any more, or wakes a task that is gone. */
function makesSense(program: Program): boolean {
  try {
    checkProgram(program, {}, (path) => path);
    return true;
  } catch (error) {
    if (error instanceof BadInput) return false;
    throw error;
  }
}

/** Programs with one thing less, the largest cuts first. */
function* withLess(program: Program): Iterable<Program> {
  const { tasks, history } = program;
  for (const [i, task] of tasks.entries()) {
    const referred = tasks.some((t) => t.forkedBy === task.name) || usesTask(program, task.name);
    if (tasks.length > 1 && !referred) {
      yield {
        ...program,
        tasks: tasks.filter((_, j) => j !== i),
        history: history.filter((h) => h.task !== task.name),
      };
    }
  }
  const half = Math.ceil(history.length / 2);
  if (history.length > 3) {
    yield { ...program, history: history.slice(half) };
    yield { ...program, history: history.slice(0, half) };
  }
  for (let i = history.length - 1; i >= 0; i--) {
    if (history[i].op.do !== 'fork') yield { ...program, history: history.filter((_, j) => j !== i) };
  }
  for (const [i, task] of tasks.entries()) {
    for (let k = task.ops.length - 1; k >= 0; k--) {
      if (task.ops[k].do === 'fork') continue;
      const ops = task.ops.filter((_, j) => j !== k);
      yield { ...program, tasks: tasks.map((t, j) => (j === i ? { ...t, ops } : t)) };
    }
  }
}

/** The program on those CPUs only on which a task starts or to which one moves, numbered afresh. */
function withoutIdleCpus(program: Program): Smaller {
  const { tasks, history, machine } = program;
  const all = [...history.map((h) => h.op), ...tasks.flatMap((t) => t.ops)];
  const named = [...tasks.map((t) => t.cpu), ...all.flatMap((op) => (op.do === 'move' ? [op.cpu] : []))];
  const cpus = [...new Set(named)].sort((a, b) => a - b);
  const moved = (op: Op): Op => (op.do === 'move' ? { ...op, cpu: cpus.indexOf(op.cpu) } : op);
  return {
    cpus,
    program: {
      ...program,
      machine: { ...machine, cpus: cpus.length },
      tasks: tasks.map((t) => ({ ...t, cpu: cpus.indexOf(t.cpu), ops: t.ops.map(moved) })),
      history: history.map(({ task, op }) => ({ task, op: moved(op) })),
    },
  };
}

function usesTask(program: Program, name: string): boolean {
  const all = [...program.history.map((h) => h.op), ...program.tasks.flatMap((t) => t.ops)];
  return all.some((op) => (op.do === 'fork' || op.do === 'wake') && op.task === name);
}

/**
 * The shortest of the schedules tried that convicts this plan with the harm of `like`, in no more steps. The first one tried
 * is that of `like`, as far as it is possible.
 */
function convict(plan: MachinePlan, like: Candidate, schedules: number): Candidate | undefined {
  const stepper = new Stepper(plan);
  const view = new MachineRun(stepper);
  const random = randomFrom(like.steps, 2);
  const budget = { actions: 3, ticks: 2 };
  const mix = (['pct-2', 'random', 'pct-3'] as const).map((name) => strategyNamed(name, random, budget));
  const guided = follow(stepper, like.choices);
  let best: Candidate | undefined;
  if (guided.conviction?.harm === like.conviction.harm && guided.steps <= like.steps) {
    best = { plan, ...guided, conviction: guided.conviction };
  }
  for (let i = 0; i < schedules; i++) {
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
    if (conviction?.harm !== like.conviction.harm || steps > (best ?? like).steps) continue;
    best = { plan, choices, conviction, steps };
  }
  return best;
}

/** Takes preemptions and actions of the adversary out of the schedule, one block at a time, while the harm stays. */
function fewerSwitches(from: Candidate, budget: ShrinkBudget): Candidate {
  const stepper = new Stepper(from.plan);
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

/** Follows `wanted` as far as it goes: what is not possible is left out; at its end whoever ran last goes on. */
function follow(
  stepper: Stepper,
  wanted: readonly number[],
): { choices: number[]; conviction: Conviction | undefined; steps: number } {
  const choices: number[] = [];
  let at = 0;
  stepper.reset();
  const run = execute(stepper, (s) => {
    let c = -1;
    while (at < wanted.length && c < 0) {
      const w = wanted[at++] as Choice;
      const acts = choiceKind(w) >= ADVERSARY && choiceCpu(w) < s.machine.geometry.cpus;
      if (acts || s.choices.includes(w)) c = w;
    }
    if (c < 0) {
      const last = choices.length > 0 ? choiceCpu(choices[choices.length - 1] as Choice) : -1;
      c = s.choices.find((x) => choiceCpu(x) === last && choiceKind(x) === RUN) ?? s.choices[0];
    }
    choices.push(c);
    return c;
  });
  return { choices, conviction: run.convicted, steps: run.steps };
}
