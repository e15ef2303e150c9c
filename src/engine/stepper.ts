/**
 * The stepper: all CPUs in one thread, one step at a time. A step resumes the path on top of one task's stack until its
 * next point; kernel routines called on the way get a frame of their own on that stack, so a step costs the same at any
 * depth. Who runs next is the scheduler's choice, and the choices are the whole schedule.
 */
import { type AdversaryAction, adversaryPerform, adversaryWord } from '../hardware/adversary.ts';
import { apicAcknowledge, apicHasPending, irqsOff } from '../hardware/apic.ts';
import type { CpuId } from '../hardware/types.ts';
import { VECTOR_TIMER } from '../hardware/types.ts';
import { walkCancel } from '../hardware/walker.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { KernelBug } from '../kernel/cpu.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { TASK_DEAD, type TaskId } from '../kernel/types.ts';
import { NOWHERE, type Word } from '../memory/memory.ts';
import { type Path, type Point, pointLabel, START } from '../memory/point.ts';
import { OP, type Violation } from '../oracle/oracle.ts';
import { ADVERSARY, type Choice, choice, choiceArgument, choiceCpu, choiceKind, DELIVER, RUN, TICK } from './choice.ts';
import { Machine, type MachinePlan } from './machine.ts';
import { TURN_COMES } from './user-mode.ts';

/** Far more than any history of a few dozen operations takes. */
const MAX_HISTORY_STEPS = 2_000_000;

/** The operations of the history, one after another, do not come to their end. */
export class HistoryStuck extends Error {
  constructor(
    readonly harm: 'deadlock' | 'livelock',
    whoWaits: string,
  ) {
    super(`the history does not end: ${whoWaits}`);
  }
}

/** Where a path stood when a frame that it did not call was put on top of it: an interrupt handler or a policy's hook. */
interface Interrupted {
  readonly depth: number;
  readonly irq: boolean;
  readonly point: Point;
  readonly word: Word;
  waiting: boolean;
  readonly waitSeen: number;
}

class TaskStack {
  readonly frames: Path<unknown>[] = [];
  readonly interrupted: Interrupted[] = [];
  constructor(
    readonly id: TaskId,
    readonly cpu: Cpu,
  ) {}
}

/** How a run ended. `finished`: every task has done its program and nothing is in flight. */
export type RunEnd = 'finished' | 'violation' | 'deadlock' | 'livelock' | 'stopped';

/** Watches the steps of a run: records for columns, coverage, statistics. */
export interface StepWatcher {
  /** Before a step: `cpu` stands at its point and is about to touch its announced word. */
  before?(stepper: Stepper, c: Choice, cpu: Cpu): void;
  /** After the step. */
  after?(stepper: Stepper, c: Choice, cpu: Cpu): void;
}

export class Stepper {
  readonly machine: Machine;
  /** Steps since the reset. */
  steps = 0;
  /** The choices that exist now: runnable CPUs and deliverable interrupts, in the order of CPUs. */
  readonly choices: Choice[] = [];
  /** The history alone, without any race, already convicts: there is nothing to schedule. */
  historyViolation: Violation | undefined = undefined;
  /** What stopped the history before its end: a KernelBug, a HistoryStuck, or what a plug-in threw. */
  historyFailure: unknown = undefined;

  private readonly tasks: TaskStack[] = [];
  private readonly running: TaskStack[] = [];
  private readonly atBoundary: Cpu[] = [];
  private from: Point = START;
  private readonly call: Call;
  private unframed!: Kernel;

  /** @param watcher sees every step from the boot on, those of the history too. */
  constructor(
    plan: MachinePlan,
    public watcher: StepWatcher | undefined = undefined,
  ) {
    const call = new Call();
    this.call = call;
    this.machine = new Machine(plan, {
      pace: { stepping: true, due: () => true },
      wrap: (kernel) => this.framed(kernel),
      returned: () => this.probe(),
    });
    for (const cpu of this.machine.handles) this.tasks[cpu.current] = new TaskStack(cpu.current, cpu);
    this.reset();
    this.runHistory();
  }

  /** Back to the start of the concurrent part. */
  reset(): void {
    const { machine } = this;
    machine.reset();
    this.steps = 0;
    while (this.call.suspended.length > 0) this.call.suspended.pop();
    for (const task of this.tasks) {
      while (task.frames.length > 0) task.frames.pop();
      while (task.interrupted.length > 0) task.interrupted.pop();
      task.cpu.point = START;
      task.cpu.word = NOWHERE;
      task.cpu.waiting = false;
      task.cpu.kernelDepth = 0;
    }
    for (let id = 0; id < machine.geometry.cpus; id++) {
      const task = this.tasks[machine.columns.rq.curr.peek(id as CpuId)];
      task.cpu.bind(id as CpuId);
      task.frames.push(machine.pathOf(task.cpu, false));
      this.running[id] = task;
    }
    this.findChoices();
  }

  /** The CPU handle of the task that runs on `id` now. */
  cpuAt(id: CpuId): Cpu {
    return this.running[id].cpu;
  }

  /** Frames on the stack of the task that runs on `id`: how deep its calls are. */
  depthAt(id: CpuId): number {
    return this.running[id].frames.length;
  }

  /** Who waits for what, for the report of a deadlock. */
  whoWaits(): string {
    const { layout } = this.machine.shape;
    const waits = this.running.map(({ cpu }, id) =>
      cpu.word === NOWHERE
        ? `CPU${id} has nothing to do`
        : `CPU${id} waits at "${pointLabel(cpu.point)}" for ${layout.nameOf(cpu.word)} to change from ${cpu.waitSeen}`,
    );
    return waits.join('; ');
  }

  /** Label of the point at which the CPU that moved last stood before its step. */
  lastPoint(): string {
    return pointLabel(this.from);
  }

  /**
   * Performs one choice: a step.
   * @throws KernelBug, OneAccessError, or whatever a plug-in throws; the run is over then and needs a `reset`.
   */
  step(c: Choice): void {
    const { machine } = this;
    const id = choiceCpu(c);
    const task = this.running[id];
    const { cpu } = task;
    this.from = cpu.point;
    this.watcher?.before?.(this, c, cpu);
    if (machine.oracle) machine.oracle.now = this.steps;
    switch (choiceKind(c)) {
      case RUN:
        machine.mem.beginStep(id, task.id, cpu.word);
        cpu.waiting = false;
        this.resume(task);
        break;
      case DELIVER:
        this.deliver(task);
        break;
      case ADVERSARY:
        machine.mem.beginStep(id, task.id, adversaryWord(cpu, choiceArgument(c) as AdversaryAction));
        adversaryPerform(cpu, choiceArgument(c) as AdversaryAction);
        break;
      case TICK:
        machine.mem.beginStep(id, task.id, cpu.hw.apic.irr.at(id));
        cpu.hw.apic.irr.or(id, 1 << VECTOR_TIMER);
        break;
    }
    this.steps++;
    this.findChoices();
    this.watcher?.after?.(this, c, cpu);
  }

  /** Runs to the end (or to a violation) with `choose`, which returns the next choice or -1 to stop. */
  run(choose: (stepper: Stepper) => number, maxSteps: number): RunEnd {
    const { oracle } = this.machine;
    while (this.choices.length > 0) {
      if (this.steps >= maxSteps) return 'livelock';
      const c = choose(this);
      if (c < 0) return 'stopped';
      this.step(c as Choice);
      if (oracle?.violation) return 'violation';
    }
    return this.machine.allDone() ? 'finished' : 'deadlock';
  }

  /** Is it possible that CPU `id` takes a tick now? Only if its interrupt is not pending already. */
  tickChoice(id: CpuId): Choice | -1 {
    return (this.machine.columns.apic.irr.peek(id) & (1 << VECTOR_TIMER)) === 0 ? choice(TICK, id) : -1;
  }

  /** Handles of the CPUs that stand at a user instruction boundary now. A kernel thread never does: its mm is borrowed. */
  private boundary(): readonly Cpu[] {
    const { atBoundary } = this;
    const { tasks } = this.machine.columns;
    atBoundary.length = 0;
    for (const task of this.running) {
      if (task.cpu.kernelDepth === 0 && tasks.mm.peek(task.id) !== 0) atBoundary.push(task.cpu);
    }
    return atBoundary;
  }

  private probe(): void {
    this.machine.oracle?.probe(this.boundary());
  }

  private findChoices(): void {
    const { choices, running } = this;
    const { words } = this.machine.mem;
    let n = 0;
    for (let id = 0; id < running.length; id++) {
      const { cpu } = running[id];
      if (!cpu.waiting || (cpu.word !== NOWHERE && words[cpu.word] !== cpu.waitSeen)) choices[n++] = choice(RUN, id);
      if (apicHasPending(cpu) && !irqsOff(cpu)) choices[n++] = choice(DELIVER, id);
    }
    // popped, not cut by `length`: that setter leaves compiled code
    while (choices.length > n) choices.pop();
  }

  /** Resumes the top frame until its next point; frames that end hand their value to the one below. */
  private resume(task: TaskStack): void {
    const { cpu, frames } = task;
    const { suspended } = this.call;
    let value: unknown;
    for (;;) {
      const result = next(frames[frames.length - 1], value);
      if (!result.done) break;
      frames.pop();
      if (frames.length === 0) {
        // an idle task or a program that ended: it never gives its CPU back by returning
        throw new KernelBug(`the path of task ${task.id} returned`);
      }
      if (this.endsInterposed(task)) return;
      value = result.value;
    }
    // the innermost call suspended first
    for (let i = suspended.length - 1; i >= 0; i--) frames.push(suspended[i]);
    while (suspended.length > 0) suspended.pop();
    if (cpu.next >= 0) this.switchTask(task);
    else if (this.machine.hooks.size > 0) this.arrive(task);
  }

  /** `task` suspended itself in switchTo: its CPU goes on, in this very step, with the task it named. */
  private switchTask(task: TaskStack): void {
    const { machine } = this;
    const id = task.cpu.id;
    const next = this.tasks[task.cpu.next];
    task.cpu.next = -1 as TaskId;
    // a path that waited when it was preempted looks again when it is back: its CPU may now be wanted by others
    for (const below of task.interrupted) below.waiting = false;
    // a task that died here may be forked again: then it starts from the bottom
    if (machine.columns.tasks.state.peek(task.id) === TASK_DEAD) task.frames.length = 0;
    next.cpu.bind(id);
    this.running[id] = next;
    if (next.frames.length === 0) next.frames.push(machine.pathOf(next.cpu, true));
    machine.mem.switchTask(next.id);
    this.resume(next);
  }

  private deliver(task: TaskStack): void {
    const { cpu, frames } = task;
    const { oracle, mem } = this.machine;
    mem.beginStep(cpu.id, task.id, cpu.hw.apic.irr.at(cpu.id));
    this.interpose(task, true);
    walkCancel(cpu, 0);
    cpu.kernelDepth++;
    const vector = apicAcknowledge(cpu);
    oracle?.opBegins(cpu, OP.interrupt, this.machine.noArguments);
    frames.push(this.unframed.commonInterrupt(cpu, vector));
    this.resume(task);
  }

  /** A frame that the running path did not call goes on top: remembers where the path stands. */
  private interpose(task: TaskStack, irq: boolean): void {
    const { cpu } = task;
    const { point, word, waiting, waitSeen } = cpu;
    task.interrupted.push({ depth: task.frames.length, irq, point, word, waiting, waitSeen });
    cpu.point = START;
    cpu.word = NOWHERE;
    cpu.waiting = false;
  }

  /** The path has arrived at a point: hooks behind the one it left and before this one run first. */
  private arrive(task: TaskStack): void {
    const { hooks } = this.machine;
    const { cpu } = task;
    const before = hooks.get(cpu.point)?.before;
    const after = hooks.get(this.from)?.after;
    for (const hook of [before, after]) {
      if (!hook) continue;
      this.interpose(task, false);
      task.frames.push(hook(cpu));
    }
  }

  /** An interposed frame just ended: the path below stands where it stood. */
  private endsInterposed(task: TaskStack): boolean {
    const { interrupted } = task;
    if (interrupted.length === 0) return false;
    const last = interrupted[interrupted.length - 1];
    if (last.depth !== task.frames.length) return false;
    interrupted.pop();
    const { cpu } = task;
    cpu.point = last.point;
    cpu.word = last.word;
    // a wait for nothing is a wait for the next interrupt
    cpu.waiting = last.waiting && last.word !== NOWHERE;
    cpu.waitSeen = last.waitSeen;
    if (last.irq) {
      cpu.kernelDepth--;
      this.machine.oracle?.opEnds(cpu, 0);
      this.probe();
    }
    return true;
  }

  /** The history and the first switches, in a fixed order; what they leave behind is the image that `reset` returns to. */
  private runHistory(): void {
    try {
      this.stepThroughHistory();
    } catch (error) {
      this.historyFailure = error;
      return;
    }
    if (this.historyViolation) return;
    this.machine.beginConcurrentPart();
    this.reset();
  }

  private stepThroughHistory(): void {
    const { machine } = this;
    const { turn } = machine.columns.program;
    const length = machine.program.history.length;
    let last = 0;
    for (let steps = 0; ; steps++) {
      // CPUs that wait for the concurrent part stay where they are; the others go on in turn
      const over = turn.peek(0) === length;
      const free = this.choices.filter((c) => !over || !this.atBarrier(choiceCpu(c)));
      if (free.length === 0 && over) return;
      if (free.length === 0) throw new HistoryStuck('deadlock', this.whoWaits());
      if (steps > MAX_HISTORY_STEPS) throw new HistoryStuck('livelock', this.whoWaits());
      // interrupts at once, else the next CPU in turn
      const next = free.find((c) => choiceKind(c) === DELIVER) ?? free.find((c) => choiceCpu(c) > last) ?? free[0];
      last = choiceCpu(next);
      this.step(next);
      if (machine.oracle?.violation) {
        this.historyViolation = machine.oracle.violation;
        return;
      }
    }
  }

  /** In user mode, all of its own history done. */
  private atBarrier(id: CpuId): boolean {
    const { frames, cpu } = this.running[id];
    return frames.length === 1 && cpu.point === TURN_COMES && !apicHasPending(cpu);
  }

  /** Each routine runs at once; one that comes to a point hands its frame to the driver. */
  private framed(kernel: Kernel): Kernel {
    const { call } = this;
    this.unframed = kernel;
    const framed: Record<string, unknown> = {};
    type Routine = (...args: unknown[]) => Path<unknown>;
    for (const [name, routine] of Object.entries(kernel) as [string, Routine][]) {
      if (routine.constructor.name !== 'GeneratorFunction') {
        framed[name] = routine;
        continue;
      }
      framed[name] = (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown, g: unknown, h: unknown) =>
        call.of(routine(a, b, c, d, e, f, g, h));
    }
    return framed as Kernel;
  }
}

/** The one `next` that all generators share: each generator function has a shape of its own, so a look-up is slow. */
const generatorNext = Object.getPrototypeOf(Object.getPrototypeOf((function* () {})())).next as (
  this: Path<unknown>,
  value: unknown,
) => IteratorResult<undefined, unknown>;

function next(path: Path<unknown>, value: unknown): IteratorResult<undefined, unknown> {
  return generatorNext.call(path, value);
}

/**
 * What a framed routine returns to `yield*`. The routine has run already: to its end, then the first turn passes its
 * value on; or to a point, then the first turn suspends the caller too, and a later one, when the driver has run that
 * frame to its end, passes its value on. One object serves all calls, because the first turn follows at once: a call of
 * the record must stand directly behind `yield*`.
 */
class Call implements Iterator<undefined, unknown, unknown> {
  /** Frames that suspended since the driver last looked, the innermost first. */
  readonly suspended: Path<unknown>[] = [];
  private returned = false;
  private value: unknown = undefined;
  private starting = false;
  private readonly waits: IteratorYieldResult<undefined> = { done: false, value: undefined };
  private readonly ends: IteratorReturnResult<unknown> = { done: true, value: undefined };

  of(path: Path<unknown>): this {
    const result = next(path, undefined);
    this.starting = true;
    this.returned = result.done === true;
    if (result.done) this.value = result.value;
    else this.suspended.push(path);
    return this;
  }

  [Symbol.iterator](): this {
    return this;
  }
  next(value?: unknown): IteratorResult<undefined, unknown> {
    if (this.starting) {
      this.starting = false;
      if (!this.returned) return this.waits;
      this.ends.value = this.value;
      return this.ends;
    }
    this.ends.value = value;
    return this.ends;
  }
}
