/** A machine made ready: memory, columns, oracle, the kernel record with policy and patches, one handle per task. */
import type { Geometry } from '../hardware/geometry.ts';
import type { HardwareColumns, Pace } from '../hardware/logical-cpu.ts';
import { type AnyTable, HARDWARE_TABLES } from '../hardware/tables.ts';
import type { CpuId, Vpn } from '../hardware/types.ts';
import { bootKernel } from '../kernel/boot.ts';
import { Cpu, type KernelColumns } from '../kernel/cpu.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { rcuMeaning } from '../kernel/rcu/meaning.ts';
import { KERNEL_TABLES } from '../kernel/tables.ts';
import { TASK_DEAD, type TaskId, WAKE_KSWAPD, WAKE_KTHREAD } from '../kernel/types.ts';
import { shaped } from '../memory/combined.ts';
import type { Layout } from '../memory/layout.ts';
import { type Memory, NOWHERE, type Word } from '../memory/memory.ts';
import { type Path, type Point, pointNamed } from '../memory/point.ts';
import { SteppedMemory } from '../memory/stepped-memory.ts';
import type { Columns } from '../memory/table.ts';
import { TsoMemory } from '../memory/tso-memory.ts';
import { DebuggedOracle } from '../oracle/debugged-oracle.ts';
import { ORACLE_TABLES, Oracle } from '../oracle/oracle.ts';
import type { Program } from '../program/program.ts';
import { type Choice, choiceArgument, choiceKind, PICK } from './choice.ts';
import type { CompiledProgram, CompiledTask, Instruction } from './compile.ts';
import { kernelOf } from './kernel-of.ts';
import { LedgerAudit } from './ledger-audit.ts';
import type { MachinePlan } from './machine-plan.ts';
import { MachineShape } from './machine-shape.ts';
import { perCpuThread, policyThread } from './policy-thread.ts';
import { ENGINE_TABLES, type SHARED_USER, type USER } from './tables.ts';
import { BETWEEN, betweenOperations, type UserRun, userMode } from './user-mode.ts';

/** What an engine gives its machine. */
export interface EngineSide {
  readonly pace: Pace;
  /** Puts the engine's own call mechanism around the routines. */
  wrap(kernel: Kernel, mem: Memory): Kernel;
  returned(cpu: Cpu): void;
}

export interface MachineColumns extends HardwareColumns, KernelColumns {
  readonly user: Columns<TaskId, (typeof USER)['fields']>;
  readonly program: Columns<number, (typeof SHARED_USER)['fields']>;
}

/** What runs at a point: `before` its access, when the path arrives there; `after` its access, at the next point. */
export interface PointHooks {
  readonly before?: (cpu: Cpu) => Path<void>;
  readonly after?: (cpu: Cpu) => Path<void>;
}

/** Hooks by point; several owners of one point are refused, because their order would be arbitrary. */
function hooksOf(
  owners: readonly { name: string; hooks?: Readonly<Record<string, PointHooks>> }[],
): Map<Point, PointHooks> {
  const hooks = new Map<Point, PointHooks>();
  for (const { name, hooks: own } of owners) {
    for (const [label, hook] of Object.entries(own ?? {})) {
      const at = pointNamed(label);
      if (at === undefined) throw new RangeError(`${name}: no point is called "${label}"`);
      if (hooks.has(at)) throw new RangeError(`${name}: point "${label}" has a hook already`);
      hooks.set(at, hook);
    }
  }
  return hooks;
}

/** The first few pages that operations of the program touch or change. */
function pagesOf(program: CompiledProgram): Vpn[] {
  const pages = new Set<Vpn>();
  const all = [...program.history.map((h) => h.op), ...program.tasks.flatMap((t) => [...t.code, ...t.menu])];
  for (const op of all) {
    if (namesNoPage(op)) continue;
    for (let i = 0; i < Math.min(op.pages, 4) && pages.size < 32; i++) pages.add((op.page + i) as Vpn);
  }
  return [...pages];
}

/** Is `page` of the operation a page of a file, or a frame, or nothing at all? */
function namesNoPage(op: Instruction): boolean {
  return (
    (op.file !== 0 && op.do !== 'mmap') ||
    ['pfnwalk', 'compact', 'kalloc', 'kfree', 'device', 'offline', 'online'].includes(op.do)
  );
}

/** Columns, oracle and handles of a shape over one memory. */
export class MachineCore<M extends Memory> implements UserRun {
  readonly columns: MachineColumns;
  readonly kernel: Kernel;
  readonly oracle: Oracle | undefined;
  readonly audit: LedgerAudit | undefined;
  /** Paths that policy and patches run at points, by point. */
  readonly hooks: ReadonlyMap<Point, PointHooks>;
  /** One handle per task: first the idle tasks, then the program's. */
  readonly handles: Cpu[] = [];
  readonly geometry: Geometry;
  private named: readonly Vpn[];
  /** Number of the operation chosen last: the task that begins it asks in the same step. */
  pick = 0;

  constructor(
    readonly shape: MachineShape,
    readonly mem: M,
    private readonly engine: EngineSide,
  ) {
    const { layout, plan } = shape;
    this.geometry = shape.geometry;
    this.named = pagesOf(shape.program);
    const bind = (tables: Record<string, unknown>): Record<string, unknown> =>
      Object.fromEntries(Object.entries(tables).map(([key, t]) => [key, layout.columns(t as AnyTable, mem)]));
    const hw = bind(HARDWARE_TABLES) as unknown as HardwareColumns;
    const kernelColumns = bind(KERNEL_TABLES) as unknown as KernelColumns;
    this.columns = shaped({ ...hw, ...kernelColumns, ...bind(ENGINE_TABLES) }) as unknown as MachineColumns;
    const extra = Object.fromEntries(shape.extraTables().map((t) => [t.name, layout.columns(t, mem)]));
    if (plan.oracle) {
      const ghosts = bind(ORACLE_TABLES) as unknown as ConstructorParameters<typeof Oracle>[1];
      const Judging = plan.lufDebug ? DebuggedOracle : Oracle;
      this.oracle = new Judging(mem, ghosts, this.columns, shape.geometry, plan.oracle);
    }
    this.hooks = hooksOf([plan.policy, ...plan.patches]);
    const routines = kernelOf([plan.policy, ...plan.patches].map((p) => p.routines));
    const { oracle } = this;
    this.kernel = engine.wrap(oracle instanceof DebuggedOracle ? oracle.debug.around(routines) : routines, mem);
    for (let task = 0; task < shape.geometry.cpus + shape.program.tasks.length; task++) {
      const home = task < shape.geometry.cpus ? task : shape.program.tasks[task - shape.geometry.cpus].cpu;
      const cpu = new Cpu(home as CpuId, mem, shape.geometry, shape.switches, shape.costs, hw, engine.pace);
      cpu.current = task as TaskId;
      cpu.bindKernel(this.kernel, kernelColumns, extra);
      cpu.observer = this.oracle;
      this.handles.push(cpu);
    }
    const { audit } = plan.policy;
    this.audit = plan.audit && audit ? new LedgerAudit(audit, this.handles[0]) : undefined;
  }

  get program(): CompiledProgram {
    return this.shape.program;
  }
  /** Pages that the program names: those worth a speculative walk. */
  get pages(): readonly Vpn[] {
    return this.named;
  }
  get user(): MachineColumns['user'] {
    return this.columns.user;
  }
  get shared(): MachineColumns['program'] {
    return this.columns.program;
  }
  get plainHits(): boolean {
    return false;
  }
  returned(cpu: Cpu): void {
    this.engine.returned(cpu);
  }
  between(cpu: Cpu): boolean {
    return cpu.switches.pauses && cpu.at(BETWEEN, NOWHERE);
  }
  /** If the choice is one of an operation, the task begins that of its menu in this step. */
  picks(task: TaskId, c: Choice): void {
    if (choiceKind(c) !== PICK) return;
    this.pick = choiceArgument(c);
    this.mem.record?.learnsOf(task, this.pick);
  }
  picked({ menu }: CompiledTask): Instruction {
    return menu[this.pick];
  }
  goesOn(_cpu: Cpu, round: number): boolean {
    return round < this.program.rounds;
  }

  /** As MachineShape.takes(): where the history is over, that is all that it takes. */
  takes(program: Program): boolean {
    if (!this.shape.takes(program)) return false;
    this.named = pagesOf(this.program);
    return true;
  }

  /** Writes the image of a machine just booted: done once per image, by one isolate, before anything runs. */
  boot(): void {
    const { program, plan } = this.shape;
    bootKernel(this.handles[0], {
      mms: program.mms,
      files: program.files,
      remote: program.remote,
      fuse: program.fuse,
      memory: program.memory,
      blockdev: program.blockdev,
      iomap: program.iomap,
      devices: program.devices,
      tasks: program.tasks.map((t) => ({
        id: t.id,
        cpu: t.cpu,
        mm: t.mm,
        priority: t.priority,
        kthread: t.kthread,
        kswapd: t.kswapd,
        kthreadNumber: t.thread && plan.policy.threads.indexOf(t.thread),
        perCpu: t.perCpu?.part,
        dead: t.forked,
      })),
    });
    this.oracle?.boot();
  }

  /** The path at the bottom of a task's stack; `fresh` when it follows a switch to a task that never ran. */
  *pathOf(cpu: Cpu, fresh: boolean): Path<void> {
    if (fresh) yield* this.kernel.scheduleTail(cpu);
    if (cpu.current < this.geometry.cpus) return yield* this.kernel.cpuIdleLoop(cpu);
    const task = this.program.tasks[cpu.current - this.geometry.cpus];
    if (task.perCpu) yield* perCpuThread(cpu, task.perCpu);
    else if (task.thread) yield* policyThread(cpu, this, task.thread);
    else yield* userMode(cpu, this, task);
  }

  /** As that path goes on where it has come to `BETWEEN`. */
  pathBetween(cpu: Cpu): Path<void> {
    return betweenOperations(cpu, this, this.program.tasks[cpu.current - this.geometry.cpus]);
  }

  /**
   * Every task of the program has done all its operations. One that its parent could not fork is as good as done, and so is a
   * daemon or a thread of the policy, or of a CPU, that sleeps.
   */
  allDone(): boolean {
    const { user, tasks } = this.columns;
    return this.program.tasks.every(({ id, code, thread, perCpu }) => {
      if (thread || perCpu) return tasks.sleepsFor.peek(id) === WAKE_KTHREAD;
      if (user.done.peek(id) === 1 || code.length === 0 || tasks.state.peek(id) === TASK_DEAD) return true;
      return tasks.sleepsFor.peek(id) === WAKE_KSWAPD;
    });
  }
}

/** The stepper's machine. */
export class Machine extends MachineCore<SteppedMemory> {
  /** Only the routines of kernel/rcu look at what it counts. */
  private readonly keepsRcuApart: boolean;

  constructor(plan: MachinePlan, engine: EngineSide) {
    const shape = new MachineShape(plan);
    const Flavour = plan.memory === 'tso' ? TsoMemory : SteppedMemory;
    super(shape, new Flavour(shape.layout as Layout<unknown>, shape.pairs(), plan.checks), engine);
    this.keepsRcuApart = [plan.policy, ...plan.patches].every(({ asksRcu }) => asksRcu === false);
    if (plan.checks?.record) this.mem.leaveOut(shape.bookkeeping(), shape.hints());
    this.boot();
    this.mem.rebase();
  }

  /** The history is over: from now on `reset` returns here, and tasks start with their concurrent operations. */
  beginConcurrentPart(): void {
    const { program, tasks } = this.columns;
    this.mem.words[program.turn.at(0)] = this.program.history.length + 1;
    // tasks that wait here poll; the paths that would say so when the wait is over start afresh instead
    for (const { id } of this.program.tasks) this.mem.words[tasks.polling.at(id)] = 0;
    this.mem.rebase();
    if (this.oracle instanceof DebuggedOracle) this.oracle.rebase();
  }

  /** Tells what words count as to a search of all states, where that is not what they hold. */
  meaning(counts: (word: Word, as: number) => void): void {
    this.oracle?.meaning(this.pages, counts);
    if (this.keepsRcuApart) rcuMeaning(this.columns, this.geometry.cpus, counts);
  }

  reset(): void {
    this.mem.reset();
    this.oracle?.reset();
    this.audit?.reset();
  }
}
