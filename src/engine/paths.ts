/**
 * The paths of all tasks in the stepper: which of them runs on which CPU, and how one goes on to its next point, with what an
 * interrupt, a hook or a switch to another task puts on top or in its place.
 */
import { apicAcknowledge } from '../hardware/apic.ts';
import type { CpuId } from '../hardware/types.ts';
import { walkCancel } from '../hardware/walker.ts';
import type { Cpu } from '../kernel/cpu.ts';
import { KernelBug } from '../kernel/cpu.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { TASK_DEAD, type TaskId } from '../kernel/types.ts';
import { type Point, START } from '../memory/point.ts';
import { NO_ARGUMENTS, OP } from '../oracle/oracle.ts';
import { type Call, next } from './calls.ts';
import { type Choice, choiceKind, DELIVER, SWITCHED_TO, type Turn } from './choice.ts';
import type { Machine } from './machine.ts';
import { TaskStack } from './task-stack.ts';

/** Hears which part of a step whose path makes, and knows how lost frames are made again. */
export interface PathKeeper {
  goes(task: TaskId, cpu: CpuId, by: Turn): void;
  remake(task: TaskStack): void;
}

export class Paths {
  /** By task. */
  readonly tasks: TaskStack[] = [];
  /** By CPU. */
  readonly running: TaskStack[] = [];
  /** Where the path that moved last stood before its step. */
  from: Point = START;
  /** Where runs go back. */
  keeper: PathKeeper | undefined = undefined;

  /**
   * @param unframed the routines, without the mechanism of `call` around them
   * @param interruptEnded a handler has returned to what it interrupted
   */
  constructor(
    private readonly machine: Machine,
    private readonly unframed: Kernel,
    private readonly call: Call,
    private readonly interruptEnded: () => void,
  ) {
    for (const cpu of machine.handles) this.tasks[cpu.current] = new TaskStack(cpu.current, cpu);
  }

  /** On each CPU, the task that the image says runs there, at its beginning. */
  reset(): void {
    const { machine } = this;
    this.giveUp();
    for (const task of this.tasks) task.clear();
    for (let id = 0; id < machine.geometry.cpus; id++) {
      const task = this.tasks[machine.columns.rq.curr.peek(id as CpuId)];
      task.cpu.bind(id as CpuId);
      task.frames.push(machine.pathOf(task.cpu, false));
      this.running[id] = task;
    }
  }

  /** The step under way, if one failed in its midst, will not be gone on with. */
  giveUp(): void {
    this.call.clear();
  }

  /** The path of `task`, which runs on CPU `id` or is switched to there, goes on to its next point. */
  goOn(task: TaskStack, id: CpuId, by: Turn): void {
    const { from, keeper } = this;
    if (task.lost > 0) {
      keeper?.remake(task);
      this.from = from;
    }
    keeper?.goes(task.id, id, by);
    this.perform(task, id, by);
  }

  /** The same, of which the keeper need not hear. */
  perform(task: TaskStack, id: CpuId, by: Turn): void {
    if (by === SWITCHED_TO) this.comesTo(task, id);
    else if (choiceKind(by) === DELIVER) this.interrupt(task);
    else this.begin(task, by);
    this.resume(task);
  }

  /** A step in which the path goes on from where it stands. */
  begin(task: TaskStack, by: Choice): void {
    const { machine } = this;
    const { cpu } = task;
    this.from = cpu.point;
    machine.mem.beginStep(cpu.id, task.id, cpu.word);
    machine.picks(task.id, by);
    cpu.waiting = false;
  }

  /** The task has CPU `id` now. */
  private comesTo(task: TaskStack, id: CpuId): void {
    const { machine } = this;
    const { cpu, frames } = task;
    cpu.bind(id);
    if (frames.length === 0) frames.push(machine.pathOf(cpu, true));
    machine.mem.switchTask(task.id);
  }

  /** A step in which an interrupt is taken: its handler goes on top. */
  private interrupt(task: TaskStack): void {
    const { cpu, frames } = task;
    this.from = cpu.point;
    this.machine.mem.beginStep(cpu.id, task.id, cpu.hw.apic.irr.at(cpu.id));
    task.interpose(true);
    walkCancel(cpu, 0);
    cpu.kernelDepth++;
    const vector = apicAcknowledge(cpu);
    this.machine.oracle?.opBegins(cpu, OP.interrupt, NO_ARGUMENTS);
    frames.push(this.unframed.commonInterrupt(cpu, vector));
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
      cpu.mem.record?.leaves(result.value, cpu, task.id);
      value = result.value;
    }
    this.call.takeOnto(frames);
    if (cpu.next >= 0) this.switchTask(task);
    else if (this.machine.hooks.size > 0) this.arrive(task);
  }

  /** `task` suspended itself in switchTo: its CPU goes on, in this very step, with the task it named. */
  private switchTask(task: TaskStack): void {
    const { mem, columns } = this.machine;
    const { id } = task.cpu;
    const next = this.tasks[task.cpu.next];
    task.cpu.next = -1 as TaskId;
    // its CPU may be wanted by others when it is back
    task.lookAgain();
    // a task that died here may be forked again: then it starts from the bottom
    if (columns.tasks.state.peek(task.id) === TASK_DEAD) task.end();
    // what is made again is the part of one task
    if (mem.again) return;
    this.running[id] = next;
    this.goOn(next, id, SWITCHED_TO);
  }

  /** An interrupt handler has returned. */
  private endInterrupt(cpu: Cpu): void {
    cpu.kernelDepth--;
    // IRET is serializing
    cpu.mem.fence();
    this.machine.oracle?.opEnds(cpu, 0);
    this.interruptEnded();
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
}
