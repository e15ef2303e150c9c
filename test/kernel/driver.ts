/**
 * Kernel paths without programs and engines: the tables of hardware and kernel over a stepped memory with the one-access
 * check on, booted; task bodies are paths; who takes the next step is the test's choice.
 */
import { apicAcknowledge, apicHasPending, irqsOff } from '#tlblab/hardware/apic.js';
import { COST_PROFILES, type CostProfile } from '#tlblab/hardware/costs.js';
import { type Geometry, geometry } from '#tlblab/hardware/geometry.js';
import type { HardwareColumns } from '#tlblab/hardware/logical-cpu.js';
import { type MachineSwitches, SWITCHES_6_18 } from '#tlblab/hardware/switches.js';
import { HARDWARE_TABLES } from '#tlblab/hardware/tables.js';
import { type CpuId, VECTOR_TIMER } from '#tlblab/hardware/types.js';
import { walkCancel } from '#tlblab/hardware/walker.js';
import { bootKernel } from '#tlblab/kernel/boot.js';
import { Cpu, type KernelColumns } from '#tlblab/kernel/cpu.js';
import { type Kernel, MAINLINE } from '#tlblab/kernel/kernel.js';
import type { Observer } from '#tlblab/kernel/observer.js';
import { KERNEL_TABLES } from '#tlblab/kernel/tables.js';
import type { FileId, NodeId, TaskId } from '#tlblab/kernel/types.js';
import { Layout } from '#tlblab/memory/layout.js';
import { NOWHERE, type Word } from '#tlblab/memory/memory.js';
import { type Path, type Point, point, pointLabel, START } from '#tlblab/memory/point.js';
import { SteppedMemory } from '#tlblab/memory/stepped-memory.js';

export type Body = (cpu: Cpu) => Path<unknown>;

/** One task; rows are numbered from `cpus` on in the order of the list. */
export interface TestTask {
  cpu: number;
  /** 1 to `mms`. Left out: a kernel thread. */
  mm?: number;
  priority?: number;
  /** The node whose daemon it is. */
  kswapd?: NodeId;
  /** Started by wakeUpNewTask only. */
  dead?: boolean;
  /** A thread of CPU hotplug, without a body: either no CPU has any or each has both. */
  perCpu?: 'thread' | 'stopper';
  body?: Body;
}

export interface DriverOptions {
  cpus?: number;
  mms?: number;
  tasks: TestTask[];
  override?: Record<string, number>;
  switches?: Partial<MachineSwitches>;
  /** Routines that stand in for mainline's: a test's own bug, or a policy. */
  routines?: Partial<Kernel>;
  observer?: Observer;
  /** As in `BootSpec`. */
  remote?: readonly FileId[];
  fuse?: readonly FileId[];
  memory?: readonly FileId[];
  blockdev?: readonly FileId[];
  /** Lengths of files. */
  files?: readonly number[];
  iomap?: readonly FileId[];
  /** Files that stand for devices. */
  devices?: readonly FileId[];
}

/** A step that could be taken next. */
export interface Choice {
  cpu: CpuId;
  deliver: boolean;
}

export interface RunOptions {
  choose?: (choices: Choice[]) => Choice;
  until?: () => boolean;
  limit?: number;
  tickEvery?: number;
}

interface Interrupted {
  depth: number;
  point: Point;
  word: Word;
  waiting: boolean;
  waitSeen: number;
}

interface Stack {
  cpu: Cpu;
  frames: Path<unknown>[];
  interrupted: Interrupted[];
  body: Body | undefined;
  perCpu: TestTask['perCpu'];
}

const DONE = point('test: body of the task has ended');

export class KernelDriver {
  readonly geometry: Geometry;
  readonly layout: Layout<Geometry>;
  readonly mem: SteppedMemory;
  readonly columns: HardwareColumns & KernelColumns;
  /** Labels of the points passed, as "CPU0 label", from the start of the run. */
  readonly trace: string[] = [];
  private readonly stacks: Stack[] = [];
  private readonly running: Stack[] = [];

  constructor(options: DriverOptions) {
    const { tasks } = options;
    this.geometry = geometry('tiny', { cpus: options.cpus ?? 2, ...options.override });
    this.layout = new Layout<Geometry>(this.geometry);
    const tables = { ...HARDWARE_TABLES, ...KERNEL_TABLES };
    for (const t of Object.values(tables)) this.layout.place(t as never);
    this.mem = new SteppedMemory(this.layout as Layout<unknown>, this.layout.range(HARDWARE_TABLES.frame.name));
    const bind = (of: object) =>
      Object.fromEntries(Object.entries(of).map(([key, t]) => [key, this.layout.columns(t as never, this.mem)]));
    const kernelColumns = bind(KERNEL_TABLES) as KernelColumns;
    this.columns = { ...(bind(HARDWARE_TABLES) as HardwareColumns), ...kernelColumns };
    const kernel = { ...MAINLINE, ...options.routines };
    const switches = { ...SWITCHES_6_18, ...options.switches };
    const { cpus } = this.geometry;
    for (let row = 0; row < cpus + tasks.length; row++) {
      const home = (row < cpus ? row : tasks[row - cpus].cpu) as CpuId;
      const costs = COST_PROFILES.timeless as CostProfile;
      const pace = { stepping: true, due: () => true };
      const cpu = new Cpu(home, this.mem, this.geometry, switches, costs, this.columns, pace);
      cpu.current = row as TaskId;
      cpu.bindKernel(kernel, kernelColumns, {});
      cpu.observer = options.observer;
      const { body, perCpu }: Partial<TestTask> = tasks[row - cpus] ?? {};
      this.stacks.push({ cpu, frames: [], interrupted: [], body, perCpu });
    }
    bootKernel(this.stacks[0].cpu, {
      mms: options.mms ?? Math.max(0, ...tasks.map((t) => t.mm ?? 0)),
      remote: options.remote,
      fuse: options.fuse,
      memory: options.memory,
      files: options.files,
      blockdev: options.blockdev,
      iomap: options.iomap,
      devices: options.devices,
      tasks: tasks.map((t, i) => ({
        id: (cpus + i) as TaskId,
        cpu: t.cpu,
        mm: t.mm ?? 0,
        priority: t.priority ?? 0,
        kthread: t.mm === undefined,
        kswapd: t.kswapd,
        dead: t.dead ?? false,
        perCpu: t.perCpu,
      })),
    });
    this.mem.rebase();
    for (let id = 0; id < cpus; id++) {
      const stack = this.stacks[this.columns.rq.curr.peek(id as CpuId)];
      stack.cpu.bind(id as CpuId);
      stack.frames.push(bottom(stack, false));
      this.running[id] = stack;
    }
  }

  /** The handle of a task of the list (0: the first). */
  cpuOf(task: number): Cpu {
    return this.stacks[this.geometry.cpus + task].cpu;
  }

  /** The handle of whatever runs on CPU `id`. */
  cpuAt(id: number): Cpu {
    return this.running[id].cpu;
  }

  /** Steps that can be taken now. */
  choices(): Choice[] {
    const found: Choice[] = [];
    this.running.forEach(({ cpu }, id) => {
      const ready = !cpu.waiting || (cpu.word !== NOWHERE && this.mem.words[cpu.word] !== cpu.waitSeen);
      if (ready) found.push({ cpu: id as CpuId, deliver: false });
      if (apicHasPending(cpu) && !irqsOff(cpu)) found.push({ cpu: id as CpuId, deliver: true });
    });
    return found;
  }

  step({ cpu: id, deliver }: Choice): void {
    const stack = this.running[id];
    const { cpu } = stack;
    if (deliver) {
      this.mem.beginStep(id, cpu.current, cpu.hw.apic.irr.at(id));
      const { point: at, word, waiting, waitSeen } = cpu;
      stack.interrupted.push({ depth: stack.frames.length, point: at, word, waiting, waitSeen });
      walkCancel(cpu, 0);
      cpu.waiting = false;
      stack.frames.push(cpu.kernel.commonInterrupt(cpu, apicAcknowledge(cpu)));
    } else {
      this.trace.push(`CPU${id} ${pointLabel(cpu.point)}`);
      this.mem.beginStep(id, cpu.current, cpu.word);
      cpu.waiting = false;
    }
    this.resume(stack);
  }

  /** The timer of a CPU fires; the interrupt is then delivered as any other. */
  tick(id: number): void {
    const { irr } = this.columns.apic;
    this.mem.words[irr.at(id as CpuId)] |= 1 << VECTOR_TIMER;
  }

  /**
   * Takes steps until none is left, or `until` says so; `choose` picks (default: the CPUs in turn, interrupts first). With
   * `tickEvery` a timer fires every so many steps, on the CPUs in turn, until all bodies have ended.
   * @throws Error if it goes on for `limit` steps.
   */
  run(options: RunOptions = {}): void {
    const choose = options.choose ?? inTurn();
    for (let n = 0; options.until?.() !== true; n++) {
      const { tickEvery } = options;
      if (tickEvery && n % tickEvery === 0 && !this.allDone()) this.tick((n / tickEvery) % this.geometry.cpus);
      const choices = this.choices();
      if (choices.length === 0) return;
      if (n > (options.limit ?? 100_000)) throw new Error(`no end after ${n} steps: ${this.whoWaits()}`);
      this.step(choose(choices));
    }
  }

  /** Runs CPU `id` alone until it stands at a point whose label contains `label`; fails if it cannot get there. */
  runTo(id: number, label: string): void {
    for (let n = 0; n < 10_000; n++) {
      const choice = this.choices().find((c) => c.cpu === id);
      if (pointLabel(this.cpuAt(id).point).includes(label)) return;
      if (!choice) break;
      this.step(choice);
    }
    throw new Error(`CPU${id} does not get to "${label}": ${this.whoWaits()}`);
  }

  /** Runs CPU `id` until it stands at such a point, the others only as far as it waits for them, interrupts first. */
  runPast(id: number, label: string): void {
    this.run({
      choose: (choices) => choices.find((c) => c.cpu === id) ?? choices.find((c) => c.deliver) ?? choices[0],
      until: () => pointLabel(this.cpuAt(id).point).includes(label),
    });
    if (!pointLabel(this.cpuAt(id).point).includes(label)) throw new Error(`CPU${id} never gets to "${label}"`);
  }

  /** Has the body of every started task ended? */
  allDone(): boolean {
    return this.stacks.every((s) => s.body === undefined || ended.has(s.cpu));
  }

  /** Has the body of this task of the list ended? */
  done(task: number): boolean {
    return ended.has(this.cpuOf(task));
  }

  whoWaits(): string {
    return this.running
      .map(
        ({ cpu }, id) => `CPU${id} task ${cpu.current} at "${pointLabel(cpu.point)}" ${this.layout.nameOf(cpu.word)}`,
      )
      .join('; ');
  }

  private resume(stack: Stack): void {
    const { cpu, frames } = stack;
    for (;;) {
      const { done } = frames[frames.length - 1].next();
      if (!done) break;
      frames.pop();
      const last = stack.interrupted[stack.interrupted.length - 1];
      if (last?.depth !== frames.length) throw new Error(`the path of task ${cpu.current} returned`);
      stack.interrupted.pop();
      cpu.point = last.point;
      cpu.word = last.word;
      cpu.waiting = last.waiting && last.word !== NOWHERE;
      cpu.waitSeen = last.waitSeen;
      return;
    }
    if (cpu.next < 0) return;
    const next = this.stacks[cpu.next];
    cpu.next = -1 as TaskId;
    // a path that waited when it was preempted looks again when it is back
    for (const below of stack.interrupted) below.waiting = false;
    next.cpu.bind(cpu.id);
    this.running[cpu.id] = next;
    if (next.frames.length === 0) next.frames.push(bottom(next, true));
    this.mem.switchTask(next.cpu.current);
    this.resume(next);
  }
}

const ended = new WeakSet<Cpu>();

function* bottom({ cpu, body, perCpu }: Stack, fresh: boolean): Path<void> {
  cpu.point = START;
  cpu.word = NOWHERE;
  if (fresh) yield* cpu.kernel.scheduleTail(cpu);
  if (cpu.current < cpu.geometry.cpus) return yield* cpu.kernel.cpuIdleLoop(cpu);
  if (perCpu === 'stopper') return yield* cpu.kernel.cpuStopperThread(cpu);
  if (perCpu === 'thread') return yield* cpu.kernel.cpuhpThreadFun(cpu);
  if (body) yield* body(cpu);
  ended.add(cpu);
  for (;;) {
    yield* cpu.kernel.sleepIfOthersRunnable(cpu);
    yield cpu.waitWhile(DONE, NOWHERE, 0);
  }
}

/** CPUs in turn, a pending interrupt before the next step of its CPU. */
function inTurn(): (choices: Choice[]) => Choice {
  let last = -1;
  return (choices) => {
    const next = choices.find((c) => c.cpu > last) ?? choices[0];
    last = next.cpu;
    return choices.find((c) => c.cpu === next.cpu && c.deliver) ?? next;
  };
}

/** Repeatable chance for `run`: the same seed makes the same choices. */
export function atRandom(seed: number): (choices: Choice[]) => Choice {
  let state = seed | 1;
  return (choices) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return choices[(state >>> 0) % choices.length];
  };
}
