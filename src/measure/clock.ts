/**
 * The clock scheduler: runs a stepper in the order of time. Next is always the CPU whose cycle clock is lowest; a CPU that
 * waits stands still in time and jumps forward to the event that wakes it; an interrupt is taken no earlier than its
 * message arrives. It explores nothing: the same program, costs and options always give the same run.
 *
 * Not guaranteed: order inside one step. A step happens at the time its CPU has when it begins, however long it takes.
 */
import { choice, choiceCpu, choiceKind, DELIVER, RUN, TICK } from '../engine/choice.ts';
import type { Stepper } from '../engine/stepper.ts';
import { ipiArrivesIn } from '../hardware/apic.ts';
import type { CpuId } from '../hardware/types.ts';
import { NOWHERE } from '../memory/memory.ts';

export interface ClockOptions {
  /** Cycles between two timer ticks of a CPU that is not idle; 0: no ticks. */
  readonly tickCycles: number;
  /** How many cycles after the others each CPU starts, in the order of CPUs; left out: all start together. */
  readonly startsAfter?: readonly number[];
}

/** Where the cycles of a run went, summed over all CPUs; a CPU that is idle or waits in user mode spends none. */
export interface ClockTimes {
  /** Cycles of steps: user code, kernel, hardware. */
  readonly busy: number;
  /** Cycles in which a CPU in the kernel waited without giving itself up: for acknowledgements and for spinlocks. */
  readonly waited: number;
  /** From the start of the run to the last thing that a program's task did, by the clock of the CPU that did it. */
  readonly makespan: number;
}

export class Clock {
  /** Unwrapped clock of each CPU; 0 is the start of the run. */
  private readonly time: Float64Array;
  /** What the CPU's 32-bit clock read when `time` was last brought up to date. */
  private readonly read: Int32Array;
  /** CPUs that could not run when the last choice was made. */
  private readonly blocked: Uint8Array;
  private readonly runnable: Uint8Array;
  private readonly nextTick: Float64Array;
  /** Number of the choice that each CPU was last given. */
  private readonly turn: Float64Array;
  private turns = 0;
  private last = -1;
  private busy = 0;
  private waited = 0;
  private makespan = 0;

  /** Takes over a stepper that has just been reset. */
  constructor(
    private readonly stepper: Stepper,
    private readonly options: ClockOptions,
  ) {
    const { cpus } = stepper.machine.geometry;
    this.time = new Float64Array(cpus);
    this.read = new Int32Array(cpus);
    this.blocked = new Uint8Array(cpus);
    this.runnable = new Uint8Array(cpus);
    this.nextTick = new Float64Array(cpus);
    this.turn = new Float64Array(cpus);
    const clocks = Array.from({ length: cpus }, (_, id) => this.clockOf(id));
    const { startsAfter = [] } = options;
    for (let id = 0; id < cpus; id++) {
      // clocks that the history has left apart are brought together; differences, because they wrap
      const behind = Math.max(...clocks.map((c) => (c - clocks[id]) | 0));
      const late = startsAfter[id] ?? 0;
      this.pass(id, behind + late);
      this.time[id] = late;
      this.nextTick[id] = options.tickCycles * (1 + id / cpus);
    }
  }

  get times(): ClockTimes {
    return { busy: this.busy, waited: this.waited, makespan: this.makespan };
  }

  /** The next event in time; to be given to `Stepper.run`. */
  choose = (): number => {
    const { stepper, time, blocked, runnable } = this;
    this.settle();
    runnable.fill(0);
    let best = -1;
    let bestTime = Number.POSITIVE_INFINITY;
    for (const c of stepper.choices) {
      const id = choiceCpu(c);
      let at = time[id];
      if (choiceKind(c) === RUN) {
        runnable[id] = 1;
        if (blocked[id] === 1) this.jump(id, time[this.last]);
        at = time[id];
      } else {
        at += this.arrivesIn(id);
        // a CPU that has something to do goes on until the message is there; once it is, it comes first
        if (runnable[id] === 1 && at > time[id]) continue;
      }
      if (at < bestTime || (at === bestTime && this.goesFirst(id, choiceCpu(best as typeof c)))) {
        best = c;
        bestTime = at;
      }
    }
    for (let id = 0; id < blocked.length; id++) blocked[id] = 1 - runnable[id];
    const id = choiceCpu(best as (typeof stepper.choices)[number]);
    this.last = id;
    this.turn[id] = ++this.turns;
    if (choiceKind(best as (typeof stepper.choices)[number]) === DELIVER) {
      this.jump(id, bestTime);
      return best;
    }
    return this.tickDue(id) ? choice(TICK, id) : best;
  };

  /** Of two at the same time the one that waited longer, so that nobody starves beside a lock taken again and again. */
  private goesFirst(id: number, other: number): boolean {
    return id === other || this.turn[id] < this.turn[other];
  }

  /** Brings the books up to date after the last step. */
  private settle(): void {
    const { last: id } = this;
    if (id < 0) return;
    const now = this.clockOf(id);
    const spent = (now - this.read[id]) | 0;
    this.read[id] = now;
    this.time[id] += spent;
    this.busy += spent;
    if (spent > 0 && this.runsProgram(id)) this.makespan = Math.max(this.makespan, this.time[id]);
  }

  /** CPU `id` has waited until `to`. */
  private jump(id: number, to: number): void {
    const cycles = to - this.time[id];
    if (cycles <= 0) return;
    const { current, kernelDepth } = this.stepper.cpuAt(id as CpuId);
    if (current >= this.blocked.length && kernelDepth > 0) this.waited += cycles;
    this.pass(id, cycles);
    this.time[id] = to;
  }

  /** Moves the CPU's own clock on, between two steps. */
  private pass(id: number, cycles: number): void {
    const { machine } = this.stepper;
    const cpu = this.stepper.cpuAt(id as CpuId);
    machine.mem.beginStep(id, cpu.current, NOWHERE);
    cpu.spend(cycles);
    this.read[id] = this.clockOf(id);
  }

  private arrivesIn(id: number): number {
    const cpu = this.stepper.cpuAt(id as CpuId);
    const pending = cpu.hw.apic.irr.peek(id as CpuId);
    return Math.max(0, ipiArrivesIn(cpu, 31 - Math.clz32(pending & -pending)));
  }

  /** An idle CPU has its tick stopped, as Linux does with NO_HZ. */
  private tickDue(id: number): boolean {
    const { tickCycles } = this.options;
    if (tickCycles === 0 || this.time[id] < this.nextTick[id] || this.isIdle(id)) return false;
    this.nextTick[id] = this.time[id] + tickCycles;
    return this.stepper.tickChoice(id as CpuId) !== -1;
  }

  private runsProgram(id: number): boolean {
    const { machine } = this.stepper;
    const task = machine.program.tasks[this.stepper.cpuAt(id as CpuId).current - this.blocked.length];
    return task !== undefined && task.thread === undefined;
  }

  private isIdle(id: number): boolean {
    return this.stepper.cpuAt(id as CpuId).current < this.blocked.length;
  }

  private clockOf(id: number): number {
    return this.stepper.machine.columns.regs.cycles.peek(id as CpuId);
  }
}
