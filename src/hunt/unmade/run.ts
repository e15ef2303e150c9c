/** Runs like one that is over, with one operation more: it joins the program of a task, and the schedule goes on as it was. */
import { type Choice, choice, RUN } from '../../engine/choice.ts';
import type { MachinePlan } from '../../engine/machine-plan.ts';
import { Stepper } from '../../engine/stepper.ts';
import type { CpuId } from '../../hardware/types.ts';
import type { TaskId } from '../../kernel/types.ts';
import type { Op, Program } from '../../program/program.ts';
import { type Execution, execute } from '../execute.ts';
import { placeOf, withOp } from '../joined-op.ts';
import type { MachineRun } from '../machine-run.ts';
import { LooseReplay } from '../schedule.ts';
import { FAIR_AFTER, fairChoice } from '../strategies/strategy.ts';

/** A run that is over, on its machine. */
export interface FinishedRun {
  readonly plan: MachinePlan;
  readonly stepper: Stepper;
  readonly choices: readonly number[];
  readonly run: Execution;
}

/** Where an operation could join a run. */
export interface Gap {
  /** Before that step of the run. */
  readonly at: number;
  readonly cpu: CpuId;
  readonly task: TaskId;
  /** Index of the operation before which the task stands. */
  readonly place: number;
}

/** Sees every step before it is taken, by its number, and the end. */
interface Watching {
  step(at: number, next: Choice): void;
  end(at: number): void;
}

/** Steps for the operation and its faults, until the others go on. */
const MOST_STEPS = 500;

/**
 * The run with the operation; undefined if it is no task's to do.
 * @param recorded the schedule of the run that is over @param watched is told of the machine of this one
 */
export function runWith(
  asked: MachinePlan,
  { at, cpu, task, place }: Gap,
  op: Op,
  recorded: readonly number[],
  watched?: (plan: MachinePlan, stepper: Stepper) => Watching,
): FinishedRun | undefined {
  const program = withOp(asked.program, task, op, place);
  if (!program) return undefined;
  const plan = { ...asked, program };
  const stepper = new Stepper(plan);
  const watching = watched?.(plan, stepper);
  const { pc, done } = stepper.machine.columns.user;
  const own = choice(RUN, cpu);
  const replay = new LooseReplay(recorded);
  const choices: number[] = [];
  let taken = 0;
  const run = execute(stepper, (s) => {
    const isDue = replay.at >= at && taken < MOST_STEPS && done.peek(task) === 0 && pc.peek(task) <= place + 1;
    const makes = isDue && s.choices.includes(own);
    if (makes) taken++;
    const next = makes ? own : s.steps < FAIR_AFTER ? replay.choose(s) : fairChoice(s);
    if (next >= 0) watching?.step(choices.length, next as Choice);
    choices.push(next);
    return next;
  });
  watching?.end(choices.length);
  return { plan, stepper, choices, run };
}

/** Where CPUs are outside the kernel, or about to leave it, in a run. */
export class Outside {
  /** Operations of which this run has taken a step. */
  private readonly begun = new Set<number>();

  constructor(
    private readonly program: Program,
    private readonly stepper: Stepper,
    private readonly run: MachineRun,
  ) {}

  /** A run begins. */
  begin(): void {
    this.begun.clear();
  }

  /** The CPU is about to take a step of its operation. */
  step(id: CpuId): void {
    if (!this.run.isInterrupted(id)) this.begun.add(this.run.operationOf(id));
  }

  /** Is it in user mode, or about to leave it? */
  is(id: CpuId): boolean {
    const isOutside = this.stepper.cpuAt(id).kernelDepth === 0 || !this.begun.has(this.run.operationOf(id));
    return isOutside && !this.stepper.isInterrupted(id);
  }

  /** What would join before that step, by that CPU, which is outside. */
  gapAt(at: number, cpu: CpuId): Gap {
    const { stepper, program, run } = this;
    const { current: task } = stepper.cpuAt(cpu);
    const { pc, done, anew } = stepper.machine.columns.user;
    const place = placeOf(program, stepper, task);
    // an operation is counted before its first step
    const isNext = pc.peek(task) > 0 && done.peek(task) === 0 && !this.begun.has(run.operationOf(cpu));
    return { at, cpu, task, place: isNext && anew.peek(task) === 0 ? place - 1 : place };
  }
}
