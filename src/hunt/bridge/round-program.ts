/**
 * Programs that do what a round did last: a run that began with the image of a round becomes one that begins with a boot. The
 * operations that ended before the cut are its history, in the order of their ends; those in flight and behind it happen at the
 * same time, in the order of steps that they had.
 */
import { type Choice, choiceCpu, choiceKind, RUN } from '../../engine/choice.ts';
import type { StepWatcher } from '../../engine/step-watcher.ts';
import type { Stepper } from '../../engine/stepper.ts';
import type { TaskId } from '../../kernel/types.ts';
import { pointLabel } from '../../memory/point.ts';
import { canonicalProgram } from '../../program/canonical.ts';
import type { Op, Program } from '../../program/program.ts';
import { onFittedMachine } from '../fitted-machine.ts';
import { type Act, lastLives } from './one-life.ts';
import type { OrderedStep, StepOrder } from './ticket-order.ts';

/** An operation of a run, from which step to which; without end if the run ended first. */
interface Done extends Act {
  /** Its place in the order of begins; what stands in for it in a smaller program has the same. */
  readonly number: number;
  readonly from: number;
  to: number;
}

/** A step of the run, and the operation that it belongs to; none if no task of the program ran. */
interface Taken {
  readonly choice: Choice;
  readonly label: string;
  readonly of: Done | undefined;
}

/** A program, and the order that the steps of its concurrent part had in the round. */
export interface Lifted {
  readonly program: Program;
  readonly order: StepOrder;
}

/** Operations of a run, cut in those of the history and those that are concurrent; idle CPUs count from `step` on. */
export interface Cut {
  readonly step: number;
  readonly history: readonly Act[];
  readonly concurrent: readonly Done[];
}

/** Watches a run for the operations that its tasks begin and end. Attach before the first step. */
export class OperationLog implements StepWatcher {
  private readonly steps: Taken[] = [];
  private readonly done: Done[] = [];
  private readonly open = new Map<number, Done>();
  private readonly stood = new Map<number, number>();
  /** Operations of the program's own history that are over; the present one counts as open. */
  private turn = -1;
  /** What the image had behind it: operations of the history, and the place of each task in its program. */
  private past: readonly Act[];

  constructor(private readonly program: Program) {
    this.past = this.historyTo(program.history.length);
  }

  before(stepper: Stepper, c: Choice): void {
    if (this.turn < 0) this.begin(stepper);
    const { current, point } = stepper.cpuAt(choiceCpu(c));
    const of = this.open.get(this.indexOf(stepper, current as TaskId));
    this.steps.push({ choice: c, label: pointLabel(point), of });
  }

  after(stepper: Stepper, c: Choice): void {
    this.turnsTo(stepper);
    const task = stepper.cpuAt(choiceCpu(c)).current as TaskId;
    const index = this.indexOf(stepper, task);
    if (!this.program.tasks[index]) return;
    const now = this.standing(stepper, task);
    if (now === this.stood.get(task)) return;
    this.stood.set(task, now);
    const { ops } = this.program.tasks[index];
    if (isDaemon(ops)) return;
    const op = ops[stepper.machine.columns.user.pc.peek(task) - 1];
    this.end(index);
    if (op) this.starts(index, op);
  }

  /** Operations that began. */
  get count(): number {
    return this.done.length;
  }

  /**
   * The last `count` operations, and those in flight when the first of them began, are concurrent.
   * @param warm what tasks had done of their programs when the round began is done first, each task's in its turn
   */
  cut(count: number, warm: boolean): Cut {
    const { program, done, past } = this;
    const step = done[Math.max(0, done.length - count)]?.from ?? 0;
    // the next operation of a task begins in the step that ends the one before it
    const isBefore = ({ from, to }: Done): boolean => from < step && to <= step;
    const before = done.filter((d) => isBefore(d)).sort((a, b) => a.to - b.to);
    return {
      step,
      history: [...(warm ? past : past.slice(0, program.history.length)), ...before],
      concurrent: done.filter((d) => !isBefore(d)),
    };
  }

  lifted({ step, ...operations }: Cut): Lifted {
    const { program } = this;
    const lives = lastLives(program, operations.history, operations.concurrent);
    // operations of a history wait for each other anyway, and for a flag that came before the round nobody posts any more
    const history = lives.history.filter(({ op }) => op.do !== 'await');
    const posted = [...history, ...lives.concurrent].flatMap(({ op }) => (op.do === 'post' ? [op.flag] : []));
    const concurrent = lives.concurrent.filter(({ op }) => op.do !== 'await' || posted.includes(op.flag));
    const of = (index: number): Op[] => concurrent.filter((d) => d.task === index).map((d) => d.op);
    const { final: _, rounds: _rounds, ...rest } = program;
    const lifted = canonicalProgram({
      ...rest,
      tasks: program.tasks.map((task, i) => ({ ...task, ops: of(i) })),
      history: history.map(({ task, op }) => ({ task: program.tasks[task].name, op })),
    });
    const kept = new Set(concurrent.map((d) => d.number));
    const order = this.orderOf((operation, at) => (operation ? kept.has(operation.number) : at >= step));
    return { program: onFittedMachine(lifted), order };
  }

  /** The order of those steps that belong to operations that are wanted. */
  private orderOf(isWanted: (of: Done | undefined, step: number) => boolean): StepOrder {
    const order: OrderedStep[][] = Array.from({ length: this.program.machine.cpus }, () => []);
    for (const [at, { choice, label, of }] of this.steps.entries()) {
      if (!isWanted(of, at)) continue;
      const isPath = choiceKind(choice) === RUN;
      order[choiceCpu(choice)].push({
        at,
        label: isPath ? label : undefined,
        choice: isPath ? undefined : choice,
        isTimer: false,
      });
    }
    return order;
  }

  /** Where tasks stand at the beginning is not something they do. */
  private begin(stepper: Stepper): void {
    const { program } = this;
    const { user, program: shared } = stepper.machine.columns;
    for (const task of this.tasks(stepper)) this.stood.set(task, this.standing(stepper, task));
    this.turn = shared.turn.peek(0);
    const behind = program.tasks.flatMap(({ ops }, index) => {
      const task = this.taskOf(stepper, index);
      const own = user.round.peek(task) > 0 ? ops : ops.slice(0, user.pc.peek(task) - user.anew.peek(task));
      return own.map((op) => ({ task: index, op }));
    });
    this.past = [...this.historyTo(this.turn), ...behind];
    this.turnBegins();
    // what a task is in the midst of does not begin in the round, nor does what a daemon does ever
    for (const [index, { ops }] of program.tasks.entries()) {
      const task = this.taskOf(stepper, index);
      if (user.anew.peek(task) === 1) this.starts(index, ops[user.pc.peek(task) - 1]);
      else if (isDaemon(ops)) this.starts(index, ops[0]);
    }
  }

  /** In a round of the history, the operation whose turn it is, is the one that its task does. */
  private turnsTo(stepper: Stepper): void {
    const now = stepper.machine.columns.program.turn.peek(0);
    if (now === this.turn) return;
    const over = this.program.history[this.turn];
    if (over) this.end(this.taskNamed(over.task));
    this.turn = now;
    this.turnBegins();
  }

  private turnBegins(): void {
    const next = this.program.history[this.turn];
    if (next) this.starts(this.taskNamed(next.task), next.op);
  }

  private starts(task: number, op: Op): void {
    const { length: number } = this.done;
    const begun = { number, task, op, from: this.steps.length, to: Number.POSITIVE_INFINITY };
    this.open.set(task, begun);
    this.done.push(begun);
  }

  private end(index: number): void {
    const last = this.open.get(index);
    if (last) last.to = this.steps.length;
    this.open.delete(index);
  }

  private historyTo(turn: number): Act[] {
    return this.program.history.slice(0, turn).map(({ task, op }) => ({ task: this.taskNamed(task), op }));
  }

  private taskNamed(name: string): number {
    return this.program.tasks.findIndex((task) => task.name === name);
  }

  private indexOf({ machine: { geometry } }: Stepper, task: TaskId): number {
    return task - geometry.cpus;
  }
  private taskOf({ machine: { geometry } }: Stepper, index: number): TaskId {
    return (geometry.cpus + index) as TaskId;
  }

  private *tasks(stepper: Stepper): Iterable<TaskId> {
    for (let i = 0; i < this.program.tasks.length; i++) yield this.taskOf(stepper, i);
  }

  /** Another number whenever the task begins another operation. */
  private standing({ machine }: Stepper, task: TaskId): number {
    const { round, pc } = machine.columns.user;
    return round.peek(task) * 0x10000 + pc.peek(task);
  }
}

function isDaemon(ops: readonly Op[]): boolean {
  return ops[0]?.do === 'kswapd';
}
