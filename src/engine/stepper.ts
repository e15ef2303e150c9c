/**
 * The stepper: all CPUs in one thread, one step at a time. A step resumes the path on top of one task's stack until its
 * next point; kernel routines called on the way get a frame of their own on that stack, so a step costs the same at any
 * depth. Who runs next is the scheduler's choice, and the choices are the whole schedule.
 */
import { apicAcknowledge } from '../hardware/apic.ts';
import { isHalted } from '../hardware/startup.ts';
import type { CpuId } from '../hardware/types.ts';
import { VECTOR_TIMER } from '../hardware/types.ts';
import { walkCancel } from '../hardware/walker.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { KernelBug } from '../kernel/cpu.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { TASK_DEAD, type TaskId } from '../kernel/types.ts';
import { type Point, pointLabel, START } from '../memory/point.ts';
import type { Footprint } from '../memory/step-record.ts';
import type { TsoMemory } from '../memory/tso-memory.ts';
import { NO_ARGUMENTS, OP, type Violation } from '../oracle/oracle.ts';
import { Call, framed, next, toldBy } from './calls.ts';
import { type Choice, choice, choiceCpu, choiceKind, DELIVER, PICK, RUN, TICK } from './choice.ts';
import { listEnabled } from './enabled.ts';
import { hardwareActs } from './hardware-acts.ts';
import { stepThroughHistory } from './history.ts';
import { Machine } from './machine.ts';
import type { MachinePlan } from './machine-plan.ts';
import type { StepWatcher } from './step-watcher.ts';
import { storeBuffers } from './store-buffers.ts';
import { type StateKey, TaskStack } from './task-stack.ts';
import { UserBoundary } from './user-boundary.ts';
import { whoWaits } from './who-waits.ts';

/** How a run ended. `finished`: every task has done its program and nothing is in flight. */
export type RunEnd = 'finished' | 'violation' | 'deadlock' | 'livelock' | 'stopped';

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
  private readonly boundary: UserBoundary;
  private readonly buffers: TsoMemory | undefined;
  private from: Point = START;
  private readonly call = new Call();
  private unframed!: Kernel;

  /** @param watcher sees every step from the boot on, those of the history too. */
  constructor(
    plan: MachinePlan,
    public watcher: StepWatcher | undefined = undefined,
  ) {
    this.machine = new Machine(plan, {
      pace: { stepping: true, due: () => true },
      wrap: (kernel, { record }) => {
        this.unframed = kernel;
        return framed(kernel, this.call, record);
      },
      returned: (cpu) => this.returned(cpu),
    });
    this.boundary = new UserBoundary(this.machine, this.running);
    this.buffers = storeBuffers(this.machine, (id) => this.running[id].cpu);
    for (const cpu of this.machine.handles) this.tasks[cpu.current] = new TaskStack(cpu.current, cpu);
    this.reset();
    this.runHistory();
  }

  /** Back to the start of the concurrent part. */
  reset(): void {
    const { machine } = this;
    machine.reset();
    this.steps = 0;
    this.call.clear();
    for (const task of this.tasks) task.clear();
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

  /** Does CPU `id` handle an interrupt on top of what its task is doing? */
  isInterrupted(id: CpuId): boolean {
    return this.running[id].isInterrupted();
  }

  whoWaits(): string {
    return whoWaits(this);
  }

  /** Every word that the last step touched. Only where the memory keeps a record. */
  footprint(): Footprint {
    return this.machine.mem.record?.footprint() ?? [];
  }

  /** Adds to `key` all that the next steps depend on and that does not lie in the image. As `footprint`. */
  addTo(key: StateKey): void {
    for (const task of this.tasks) task.addTo(key);
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
    this.boundary.beforeStep(id);
    if (machine.oracle) machine.oracle.now = this.steps;
    switch (choiceKind(c)) {
      case PICK:
      case RUN:
        machine.mem.beginStep(id, task.id, cpu.word);
        machine.picks(task.id, c);
        cpu.waiting = false;
        this.resume(task);
        break;
      case DELIVER:
        this.deliver(task);
        break;
      default:
        hardwareActs(machine, this.buffers, cpu, c);
    }
    this.steps++;
    this.boundary.afterStep(id);
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

  /** Is it possible that CPU `id` takes a tick now? Only if it runs, and its interrupt is not pending already. */
  tickChoice(id: CpuId): Choice | -1 {
    if (isHalted(this.cpuAt(id))) return -1;
    return (this.machine.columns.apic.irr.peek(id) & (1 << VECTOR_TIMER)) === 0 ? choice(TICK, id) : -1;
  }

  /** A user operation of `cpu` has returned: nothing that its path has read matters any more. */
  private returned(cpu: Cpu): void {
    this.machine.mem.record?.setReadings(cpu.current);
    this.probe();
  }

  private probe(): void {
    const { oracle, audit } = this.machine;
    if (!oracle && !audit) return;
    const users = this.boundary.cpus();
    oracle?.probe(users);
    audit?.look(
      users.map(({ id }) => id),
      false,
    );
  }

  private findChoices(): void {
    listEnabled(this.machine, this.running, this.buffers, this.choices);
  }

  /** Resumes the top frame until its next point; frames that end hand their value to the one below. */
  private resume(task: TaskStack): void {
    const { cpu, frames } = task;
    let value: unknown;
    for (;;) {
      const result = next(frames[frames.length - 1], value);
      if (!result.done) break;
      frames.pop();
      if (frames.length === 0) {
        // an idle task or a program that ended: it never gives its CPU back by returning
        throw new KernelBug(`the path of task ${task.id} returned`);
      }
      const interposed = task.endsInterposed();
      if (interposed !== undefined) {
        if (interposed === 'irq') this.endInterrupt(cpu);
        return;
      }
      cpu.mem.record?.leaves(toldBy(cpu, result.value), task.id);
      value = result.value;
    }
    this.call.takeOnto(frames);
    if (cpu.next >= 0) this.switchTask(task);
    else if (this.machine.hooks.size > 0) this.arrive(task);
  }

  /** `task` suspended itself in switchTo: its CPU goes on, in this very step, with the task it named. */
  private switchTask(task: TaskStack): void {
    const { machine } = this;
    const id = task.cpu.id;
    const next = this.tasks[task.cpu.next];
    task.cpu.next = -1 as TaskId;
    // its CPU may be wanted by others when it is back
    task.lookAgain();
    // a task that died here may be forked again: then it starts from the bottom
    if (machine.columns.tasks.state.peek(task.id) === TASK_DEAD) task.end();
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
    task.interpose(true);
    walkCancel(cpu, 0);
    cpu.kernelDepth++;
    const vector = apicAcknowledge(cpu);
    oracle?.opBegins(cpu, OP.interrupt, NO_ARGUMENTS);
    frames.push(this.unframed.commonInterrupt(cpu, vector));
    this.resume(task);
  }

  /** The path has arrived at a point: hooks behind the one it left and before this one run first. */
  private arrive(task: TaskStack): void {
    const { hooks } = this.machine;
    const { cpu } = task;
    const before = hooks.get(cpu.point)?.before;
    const after = hooks.get(this.from)?.after;
    for (const hook of [before, after]) {
      if (!hook) continue;
      task.interpose(false);
      task.frames.push(hook(cpu));
    }
  }

  /** An interrupt handler has returned. */
  private endInterrupt(cpu: Cpu): void {
    cpu.kernelDepth--;
    // IRET is serializing
    cpu.mem.fence();
    this.machine.oracle?.opEnds(cpu, 0);
    this.probe();
  }

  /** The history and the first switches, in a fixed order; what they leave behind is the image that `reset` returns to. */
  private runHistory(): void {
    try {
      stepThroughHistory(this);
    } catch (error) {
      this.historyFailure = error;
      return;
    }
    this.historyViolation = this.machine.oracle?.violation;
    if (this.historyViolation) return;
    this.machine.beginConcurrentPart();
    this.reset();
  }
}
