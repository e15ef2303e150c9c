/** Runs like one that is over, with an operation more: it joins the program of a task, and the schedule goes on as it was. */
import { type Choice, choice, choiceCpu, choiceKind, DELIVER, RUN } from '../../engine/choice.ts';
import type { MachinePlan } from '../../engine/machine-plan.ts';
import type { Stepper } from '../../engine/stepper.ts';
import type { CpuId } from '../../hardware/types.ts';
import type { TaskId } from '../../kernel/types.ts';
import type { Op, Program } from '../../program/program.ts';
import { type Execution, execute } from '../execute.ts';
import { placeOf, withOps } from '../joined-op.ts';
import type { MachineRun } from '../machine-run.ts';
import { LooseReplay } from '../schedule.ts';
import { fairChoice } from '../strategies/strategy.ts';

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

/** `must`: the run is given up if it comes to its end without that. */
export type Waiting = 'must' | 'may';

/** What joins a run. */
export interface Joining extends Gap {
  readonly ops: readonly Op[];
  /** When an entry of a TLB has become stale it waits: what is behind that happens when all that the run did is over. */
  readonly waits?: Waiting;
}

/** A run that is over, and what has come of it. */
export interface MadeUp extends FinishedRun {
  /** As figures and findings name it. */
  readonly name: string;
}

export function* named(name: string, runs: Iterable<FinishedRun>): Generator<MadeUp> {
  for (const run of runs) yield { ...run, name };
}

/** Hears of every step before the run, so many steps long, takes it; and that the run, so many steps long, is over. */
export interface Watching {
  step(at: number, next: Choice): void;
  end(at: number): void;
}

/** Steps for the operation and its faults, until the others go on. */
const MOST_STEPS = 500;

/** Steps behind the recorded ones, until all go on in turn: one that waits might look again and again for what another one is to do. */
const MOST_BEHIND = 200;

/**
 * The run with the operation; undefined if it is no task's to do.
 * @param stepper has made the run that is over, and is that of this one from now on
 * @param recorded the schedule of the run that is over @param watched is told of the machine of this one
 */
export function runWith(
  asked: MachinePlan,
  stepper: Stepper,
  { at, cpu, task, place, ops, waits }: Joining,
  recorded: readonly number[],
  watched?: (plan: MachinePlan) => Watching,
): FinishedRun | undefined {
  const program = withOps(asked.program, task, ops, place);
  if (!program || !stepper.takes(program)) return undefined;
  const plan = { ...asked, program };
  const watching = watched?.(plan);
  const { columns, oracle } = stepper.machine;
  const { pc, done } = columns.user;
  const own = choice(RUN, cpu);
  let state: 'goes on' | 'waits' | 'is over' = 'goes on';
  // where its program would be over, the task does not go on with the operation until it is due
  const isEarly = (): boolean => replay.at < at && pc.peek(task) > place;
  const isLeftOut = (c: Choice): boolean =>
    c === own && (state === 'waits' || isEarly()) && !stepper.isInterrupted(cpu);
  const replay: LooseReplay = new LooseReplay(recorded, isLeftOut);
  const choices: number[] = [];
  let leastStale = Number.POSITIVE_INFINITY;
  let taken = 0;
  let behind = 0;
  const run = execute(stepper, (s) => {
    const isOver = taken >= MOST_STEPS || done.peek(task) === 1 || pc.peek(task) > place + ops.length;
    const isTime = state === 'goes on' && replay.hasReached(at, s);
    if (isTime && waits) {
      const stale = oracle?.cached.countStale() ?? 0;
      if (stale > leastStale) state = 'waits';
      leastStale = Math.min(leastStale, stale);
    }
    if (state === 'goes on' && isOver) {
      if (waits === 'must') return -1;
      state = 'is over';
    }
    // one that waits gives way to who waits for a lock of its own
    const isDue = state === 'waits' ? !isOver && replay.isHeldUp(s) : isTime && state === 'goes on';
    const goesOn = isDue ? wayOn(s, own) : undefined;
    if (goesOn !== undefined) taken++;
    if (replay.at === recorded.length) behind++;
    const next = goesOn ?? (behind < MOST_BEHIND ? replay.choose(s) : fairChoice(s));
    if (next >= 0) watching?.step(choices.length, next as Choice);
    choices.push(next);
    return next;
  });
  watching?.end(choices.length);
  return { plan, stepper, choices, run };
}

/** What an operation goes on with: a step of its own, or an interrupt that it may wait for, to its end; undefined: it waits for others. */
function wayOn(stepper: Stepper, own: Choice): Choice | undefined {
  const { choices } = stepper;
  if (choices.includes(own)) return own;
  const handles = (c: Choice): boolean => choiceKind(c) === RUN && stepper.isInterrupted(choiceCpu(c));
  return choices.find(handles) ?? choices.find((c) => choiceKind(c) === DELIVER);
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

  /** That step is about to be taken. */
  sees(next: Choice): void {
    const id = choiceCpu(next);
    if (choiceKind(next) === RUN && !this.run.isInterrupted(id)) this.begun.add(this.run.operationOf(id));
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
