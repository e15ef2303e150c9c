/**
 * Programs that do what a round did last: a run that began with the image of a round becomes one that begins with a boot. The
 * operations that ended before the cut are its history, in the order of their ends; those in flight and behind it happen at the
 * same time.
 */
import { type Choice, choiceCpu } from '../engine/choice.ts';
import type { Stepper, StepWatcher } from '../engine/stepper.ts';
import type { TaskId } from '../kernel/types.ts';
import { canonicalProgram } from '../program/canonical.ts';
import type { Op, Program } from '../program/program.ts';

/** An operation of a run: whose, and from which step to which; without end if the run ended first. */
interface Done {
  readonly task: number;
  readonly op: Op;
  readonly from: number;
  to: number;
}

/** A program and the schedule that its concurrent part had in the round. */
export interface Lifted {
  readonly program: Program;
  readonly choices: readonly number[];
}

/** Watches a run for the operations that its tasks begin and end. Attach before the first step. */
export class OperationLog implements StepWatcher {
  readonly choices: Choice[] = [];
  private readonly done: Done[] = [];
  private readonly open = new Map<number, Done>();
  private readonly stood = new Map<number, number>();

  constructor(private readonly program: Program) {}

  before(stepper: Stepper, c: Choice): void {
    this.choices.push(c);
    // where tasks stand at the beginning is not something they do
    if (this.stood.size === 0)
      for (const task of this.tasks(stepper)) this.stood.set(task, this.standing(stepper, task));
  }

  after(stepper: Stepper, c: Choice): void {
    const task = stepper.cpuAt(choiceCpu(c)).current as number;
    const index = task - stepper.machine.geometry.cpus;
    if (!this.program.tasks[index]) return;
    const now = this.standing(stepper, task as TaskId);
    if (now === this.stood.get(task)) return;
    this.stood.set(task, now);
    const step = this.choices.length - 1;
    this.end(index, step);
    const { ops } = this.program.tasks[index];
    const { pc } = stepper.machine.columns.user;
    const op = ops[pc.peek(task as TaskId) - 1];
    if (!op) return;
    const begun = { task: index, op, from: step, to: Number.POSITIVE_INFINITY };
    this.open.set(index, begun);
    this.done.push(begun);
  }

  /** The program in which the last `count` operations, and those in flight when the first of them began, are concurrent. */
  lifted(count: number): Lifted {
    const { program, done, choices } = this;
    const cut = done[Math.max(0, done.length - count)]?.from ?? 0;
    // the next operation of a task begins in the step that ends the one before it
    const isBefore = ({ from, to }: Done): boolean => from < cut && to <= cut;
    const before = done.filter((d) => isBefore(d)).sort((a, b) => a.to - b.to);
    const history = before.map(({ task, op }) => ({ task: program.tasks[task].name, op }));
    const during = (index: number): Op[] => done.filter((d) => d.task === index && !isBefore(d)).map((d) => d.op);
    const { final: _, rounds: _rounds, ...rest } = program;
    return {
      program: canonicalProgram({
        ...rest,
        name: `${program.name}-round`,
        tasks: program.tasks.map((task, i) => ({ ...task, ops: during(i) })),
        history: [...program.history, ...history],
      }),
      choices: choices.slice(cut),
    };
  }

  private end(index: number, step: number): void {
    const last = this.open.get(index);
    if (last) last.to = step;
    this.open.delete(index);
  }

  private *tasks({ machine: { geometry } }: Stepper): Iterable<TaskId> {
    for (let i = 0; i < this.program.tasks.length; i++) yield (geometry.cpus + i) as TaskId;
  }

  /** Another number whenever the task begins another operation. */
  private standing({ machine }: Stepper, task: TaskId): number {
    const { round, pc } = machine.columns.user;
    return round.peek(task) * 0x10000 + pc.peek(task);
  }
}
