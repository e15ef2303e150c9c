/**
 * One CPU of a parallel run, in a thread of its own: runs the paths of the tasks that are on this CPU, takes interrupts at
 * their points, sleeps when they wait. Paths run on until a point at which something is due; the rest is as in the stepper.
 * A task that comes from another CPU starts afresh here, which loses nothing, because tasks move between two operations.
 */
import { apicAcknowledge } from '../../hardware/apic.ts';
import type { CpuId } from '../../hardware/types.ts';
import { walkCancel } from '../../hardware/walker.ts';
import { type Cpu, KernelBug } from '../../kernel/cpu.ts';
import { TASK_DEAD, type TaskId } from '../../kernel/types.ts';
import { NOWHERE, type Word } from '../../memory/memory.ts';
import { type Path, START } from '../../memory/point.ts';
import { NO_ARGUMENTS, OP, type Violation } from '../../oracle/oracle.ts';
import type { MachinePlan } from '../machine-plan.ts';
import { MachineShape } from '../machine-shape.ts';
import { BETWEEN } from '../user-mode.ts';
import { type Resting, Rounds } from './rounds.ts';
import { RoundLog } from './rounds-log.ts';
import { bindControl, type RunLimits, type SharedImage, ThreadMachine } from './worker-machine.ts';
import { type Injection, WorkerPace } from './worker-pace.ts';
import { isBusy, isWoken, letOthersRun, mayRest, REST_POINTS } from './worker-rest.ts';
import { endRound } from './worker-round.ts';
import { TaskStack } from './worker-stack.ts';
import { type ControlColumns, GO_ON, STOP_AT_REST, STOP_NOW } from './worker-tables.ts';
import type { WakeBoard } from './worker-wake.ts';

/**
 * Looks at a word before the CPU falls asleep: enough for a cross-call where every CPU has a core, few where the one that
 * is waited for may need this core. How long it sleeps at most, should a wake-up be missed.
 */
const POLLS = 200;
const POLLS_OVERSUBSCRIBED = 50;
const SLEEP_MS = 5;
const NAP_MS = 0.2;

export class WorkerCpu implements Resting {
  readonly machine: ThreadMachine;

  private readonly control: ControlColumns;
  private readonly wakes: WakeBoard;
  private readonly pace: WorkerPace;
  private readonly rounds: Rounds;
  private readonly log: RoundLog | undefined;
  private readonly tasks: TaskStack[] = [];
  private readonly image: Int32Array;
  private running!: TaskStack;
  private operationsInRound = 0;
  private polls = 0;
  private readonly patience: number;

  /**
   * @param now a clock in milliseconds
   * @throws RangeError for a machine or hooks that cannot be built
   */
  constructor(
    plan: MachinePlan,
    private readonly shared: SharedImage,
    private readonly id: CpuId,
    private readonly limits: RunLimits,
    injection: Injection,
    now: () => number,
  ) {
    const shape = new MachineShape(plan);
    const { control, wakes } = bindControl(shape, limits, shared);
    this.control = control;
    this.wakes = wakes;
    this.image = new Int32Array(shared.image);
    this.rounds = new Rounds(control, wakes, id, shape.geometry.cpus);
    this.pace = new WorkerPace(id, control, this.image, wakes, injection, REST_POINTS, now);
    this.machine = new ThreadMachine(shape, shared, limits, this.pace, (cpu) => this.between(cpu), wakes);
    this.pace.attach(this.machine.handles[0], this.machine.hooks);
    this.log = limits.logEntries > 0 ? new RoundLog(control, id, limits.logEntries) : undefined;
    this.pace.log = this.log;
    wakes.locks = this.log;
    this.patience = injection.breathes ? POLLS_OVERSUBSCRIBED : POLLS;
    for (const cpu of this.machine.handles) this.tasks[cpu.current] = new TaskStack(cpu.current, cpu);
    this.start();
  }

  /**
   * Runs until the run is stopped. Returns what the oracle of this CPU convicted, if anything.
   * @throws whatever a path throws: KernelBug for a broken assertion of the kernel, anything for a plug-in
   */
  run(): Violation | undefined {
    const { machine, pace, rounds } = this;
    const { stop } = this.control.run;
    try {
      while (stop.peek(0) !== STOP_NOW && machine.oracle?.violation === undefined) {
        const stack = this.running;
        const { cpu } = stack;
        if (pace.interrupted()) this.deliver(stack);
        else if (rounds.asked() && mayRest(stack, machine)) {
          if (!this.othersBusy()) {
            if (this.rest() === 'stopped') break;
            continue;
          }
          if (!this.isIdle()) this.giveWay(stack);
          else if (!this.waitIsOver(cpu)) continue;
        } else if (cpu.waiting) {
          if (!this.waitIsOver(cpu)) continue;
        } else pace.inject(cpu, machine.pages);
        this.polls = 0;
        this.resume(stack);
      }
    } finally {
      // nobody can go on without this CPU
      stop.store(0, STOP_NOW);
      this.wakes.wakeAll();
    }
    return machine.oracle?.violation;
  }

  /** Where this CPU stands, in words: for the report of a run that went no further. */
  stands(): string {
    return this.running.stands(this.machine.shape.layout);
  }

  called(): boolean {
    return this.pace.interrupted() || (this.isIdle() && isWoken(this.running.cpu));
  }

  watched(): Word {
    return this.isIdle() ? this.running.cpu.word : NOWHERE;
  }

  nothingHappened(): void {
    this.pace.tick(this.running.cpu);
  }

  betweenRounds(): boolean {
    return endRound(this.machine, this.control, this.limits, this.shared, this.image);
  }

  /** Tasks stand where the image says: between two operations, and each CPU in its idle task or behind a switch. */
  private start(): void {
    const { machine, id } = this;
    for (const task of this.tasks) task.clear();
    this.running = this.tasks[machine.columns.rq.curr.peek(id)];
    this.running.cpu.bind(id);
    this.running.begin(machine.pathOf(this.running.cpu, false));
    this.control.ran.on.store(this.running.id, id + 1);
    // the concurrent part is opened by the CPU that comes last
    this.rounds.ask();
  }

  /** Called by user mode between two operations. */
  private between(cpu: Cpu): boolean {
    const { board, run } = this.control;
    const { oracle } = this.machine;
    const words = board.operations.mem.words;
    const done = ++words[board.operations.at(this.id)];
    // a clock for the oracle that all CPUs share: operations done, in sixteens
    if (oracle && (done & 15) === 0) oracle.now = run.clock.add(0, 16) + 16;
    const { roundOperations, operations } = this.limits;
    const { cpus } = this.machine.geometry;
    if (roundOperations > 0 && ++this.operationsInRound * cpus >= roundOperations) this.rounds.ask();
    if (operations > 0 && (done & 15) === 0 && this.operationsOfAll() >= operations) {
      run.stop.cas(0, GO_ON, STOP_AT_REST);
      this.rounds.ask();
    }
    return cpu.at(BETWEEN, NOWHERE) || oracle?.violation !== undefined;
  }

  private operationsOfAll(): number {
    let sum = 0;
    for (let id = 0 as CpuId; id < this.machine.geometry.cpus; id++)
      sum += this.control.board.operations.peek(id) >>> 0;
    return sum;
  }

  /** Resumes the frame on top until its next point, through switches to other tasks. */
  private resume(from: TaskStack): void {
    let stack = from;
    for (;;) {
      const { cpu, frames } = stack;
      this.pace.left = cpu.point;
      const result = frames[frames.length - 1].next();
      if (result.done) {
        frames.pop();
        // an idle task or a program that ended: it never gives its CPU back by returning
        if (frames.length === 0) throw new KernelBug(`the path of task ${stack.id} returned`);
        this.endInterposed(stack);
        return;
      }
      if (cpu.next < 0) {
        if (this.machine.hooks.size > 0) this.arrive(stack);
        return;
      }
      stack = this.switchFrom(stack);
    }
  }

  /** The task suspended itself in switchTo: its CPU goes on at once with the task it named. */
  private switchFrom(stack: TaskStack): TaskStack {
    const { id } = this;
    const { on } = this.control.ran;
    const next = this.tasks[stack.cpu.next];
    stack.cpu.next = -1 as TaskId;
    stack.preempted();
    // a task that died here may be forked again: then it starts from the bottom
    if (this.machine.columns.tasks.state.peek(stack.id) === TASK_DEAD) stack.clear();
    next.cpu.bind(id);
    if (next.frames.length === 0 || on.load(next.id) !== id + 1) next.begin(this.machine.pathOf(next.cpu, true));
    on.store(next.id, id + 1);
    this.running = next;
    return next;
  }

  private deliver(stack: TaskStack): void {
    const { cpu } = stack;
    const { machine } = this;
    if (!cpu.waiting && cpu.point !== START) this.log?.retract();
    walkCancel(cpu, 0);
    const vector = apicAcknowledge(cpu);
    this.log?.delivered(vector);
    stack.interpose('interrupt', cpu.kernel.commonInterrupt(cpu, vector) as Path<unknown>);
    cpu.kernelDepth++;
    machine.oracle?.opBegins(cpu, OP.interrupt, NO_ARGUMENTS);
  }

  /** Hooks behind the point that the path left and before the one at which it stands run first. */
  private arrive(stack: TaskStack): void {
    const { hooks } = this.machine;
    const before = hooks.get(stack.cpu.point)?.before;
    const after = hooks.get(this.pace.left)?.after;
    for (const hook of [before, after]) {
      if (!hook) continue;
      if (!stack.cpu.waiting && stack.cpu.point !== START) this.log?.retract();
      stack.interpose('hook', hook(stack.cpu));
    }
  }

  private endInterposed(stack: TaskStack): void {
    const { cpu } = stack;
    if (stack.resumeBelow() === 'interrupt') {
      cpu.kernelDepth--;
      this.machine.oracle?.opEnds(cpu, 0);
    }
    if (!cpu.waiting && cpu.point !== START) this.log?.passed(cpu.point);
  }

  /** Has what the path waits for happened? If not for a while, sleeps until something happens. */
  private waitIsOver(cpu: Cpu): boolean {
    const { mem } = this.machine;
    if (cpu.word !== NOWHERE && mem.load(cpu.word) !== cpu.waitSeen) {
      cpu.waiting = false;
      this.log?.passed(cpu.point);
      return true;
    }
    if (++this.polls < this.patience) return false;
    if (this.machine.allDone()) this.rounds.ask();
    const { board, run } = this.control;
    board.waits.store(this.id, 1);
    const before = this.wakes.prepare(this.id, cpu.word);
    const changed = cpu.word !== NOWHERE && mem.load(cpu.word) !== cpu.waitSeen;
    const wanted = this.rounds.asked() && mayRest(this.running, this.machine) && !this.othersBusy();
    if (!changed && !wanted && !this.pace.interrupted() && run.stop.load(0) !== STOP_NOW) {
      if (this.wakes.doze(this.id, before, SLEEP_MS) === 'timed-out') this.pace.tick(cpu);
    }
    this.wakes.arise(this.id, cpu.word);
    board.waits.store(this.id, 0);
    return false;
  }

  private isIdle(): boolean {
    return this.running.id < this.machine.geometry.cpus;
  }

  private rest(): string {
    const end = this.rounds.rest(this);
    if (end === 'over' || end === 'restarted') {
      this.operationsInRound = 0;
      this.log?.clear();
    }
    if (end === 'restarted') this.start();
    return end;
  }

  /** Does another task of this CPU stand in the middle of an operation? */
  private othersBusy(): boolean {
    const { on } = this.control.ran;
    for (const task of this.tasks) {
      if (task === this.running || task.frames.length === 0 || on.load(task.id) !== this.id + 1) continue;
      if (isBusy(task, this.machine, this.id)) return true;
    }
    return false;
  }

  /** The running task stands between two operations: lets the others of this CPU get there too. */
  private giveWay(stack: TaskStack): void {
    this.wakes.doze(this.id, this.control.board.wake.load(this.id), NAP_MS);
    stack.interpose('rest', letOthersRun(stack.cpu));
  }
}
