/**
 * The stepper: all CPUs in one thread, one step at a time. A step resumes the path on top of one task's stack until its
 * next point; kernel routines called on the way get a frame of their own on that stack, so a step costs the same at any
 * depth. Who runs next is the scheduler's choice, and the choices are the whole schedule.
 */
import { isHalted } from '../hardware/startup.ts';
import type { CpuId } from '../hardware/types.ts';
import { VECTOR_TIMER } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { pointLabel } from '../memory/point.ts';
import type { Footprint } from '../memory/step-record.ts';
import type { TsoMemory } from '../memory/tso-memory.ts';
import type { Violation } from '../oracle/oracle.ts';
import type { Program } from '../program/program.ts';
import { type Framed, framed } from './calls.ts';
import { type Choice, choice, choiceCpu, isOfPath, TICK } from './choice.ts';
import { listEnabled } from './enabled.ts';
import { hardwareActs } from './hardware-acts.ts';
import { stepThroughHistory } from './history.ts';
import { Machine } from './machine.ts';
import type { MachinePlan } from './machine-plan.ts';
import { Paths } from './paths.ts';
import { Rewinder } from './rewinder.ts';
import type { StepWatcher } from './step-watcher.ts';
import { storeBuffers } from './store-buffers.ts';
import type { StateKey } from './task-stack.ts';
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

  private readonly paths: Paths;
  private readonly boundary: UserBoundary;
  private readonly buffers: TsoMemory | undefined;
  /** Keeps the way of the run, where the memory keeps a log. */
  private readonly rewinder: Rewinder | undefined = undefined;

  /** @param watcher sees every step from the boot on, those of the history too. */
  constructor(
    plan: MachinePlan,
    public watcher: StepWatcher | undefined = undefined,
  ) {
    let frames: Framed | undefined;
    this.machine = new Machine(plan, {
      pace: { stepping: true, due: () => this.rewinder?.stopsHere() ?? true },
      wrap: (kernel, { record }) => {
        frames = framed(kernel, record);
        return frames.kernel;
      },
      returned: (cpu) => this.returned(cpu),
    });
    const { unframed, call } = frames as unknown as Framed;
    this.paths = new Paths(this.machine, unframed, call, () => this.probe());
    this.boundary = new UserBoundary(this.machine, this.paths.running);
    this.buffers = storeBuffers(this.machine, (id) => this.cpuAt(id as CpuId));
    this.reset();
    this.runHistory();
    // what the debug modes keep does not go back
    if (this.machine.mem.log === undefined || plan.audit || plan.lufDebug) return;
    this.rewinder = new Rewinder(this.machine, this.paths);
    this.paths.keeper = this.rewinder;
    this.rewinder.begin();
  }

  /** Back to the start of the concurrent part. */
  reset(): void {
    const { machine } = this;
    machine.reset();
    this.steps = 0;
    this.paths.reset();
    this.findChoices();
    this.rewinder?.begin();
  }

  /**
   * Back to the start of the concurrent part, which is that of another program from now on; false if there is more in which that differs, or
   * if the history does not come to its end.
   */
  takes(program: Program): boolean {
    const isThere = this.historyViolation === undefined && this.historyFailure === undefined;
    if (!isThere || !this.machine.takes(program)) return false;
    this.reset();
    return true;
  }

  /** Can the run go back to where it was behind so many steps? Only where the memory keeps a log. */
  goesBackTo(steps: number): boolean {
    return this.rewinder?.reaches(steps) ?? false;
  }
  /** Goes back there: all that is said of the machine, or asked of it, is then as it was. */
  goBack(steps: number): void {
    this.machine.oracle?.reset();
    this.paths.giveUp();
    this.rewinder?.goBack(steps);
    this.steps = steps;
    this.findChoices();
  }

  /** The CPU handle of the task that runs on `id` now. */
  cpuAt(id: CpuId): Cpu {
    return this.paths.running[id].cpu;
  }

  /** Frames on the stack of the task that runs on `id`: how deep its calls are. */
  depthAt(id: CpuId): number {
    return this.paths.running[id].height;
  }

  /** Does CPU `id` handle an interrupt on top of what its task is doing? */
  isInterrupted(id: CpuId): boolean {
    return this.paths.running[id].isInterrupted();
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
    for (const task of this.paths.tasks) task.addTo(key);
  }

  /** Label of the point at which the CPU that moved last stood before its step. */
  lastPoint(): string {
    return pointLabel(this.paths.from);
  }

  /**
   * Performs one choice: a step.
   * @throws KernelBug, OneAccessError, or whatever a plug-in throws; the run is over then and needs a `reset`.
   */
  step(c: Choice): void {
    const { machine } = this;
    const id = choiceCpu(c);
    const task = this.paths.running[id];
    const { cpu } = task;
    this.watcher?.before?.(this, c, cpu);
    this.boundary.beforeStep(id);
    if (machine.oracle) machine.oracle.now = this.steps;
    this.paths.from = cpu.point;
    if (isOfPath(c)) this.paths.goOn(task, id, c);
    else hardwareActs(machine, this.buffers, cpu, c);
    this.steps++;
    if (machine.oracle?.isProbeDue) this.probe();
    this.boundary.afterStep(id);
    this.findChoices();
    this.rewinder?.note();
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
    if ((!oracle && !audit) || this.machine.mem.again) return;
    const users = this.boundary.cpus();
    oracle?.probe(users);
    audit?.look(
      users.map(({ id }) => id),
      false,
    );
  }

  private findChoices(): void {
    listEnabled(this.machine, this.paths.running, this.buffers, this.choices);
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
