/** What a machine of a plan looks like: sizes, switches, and which tables make up its image. */
import { COST_PROFILES, type CostProfile } from '../hardware/costs.ts';
import { type Geometry, geometry as makeGeometry } from '../hardware/geometry.ts';
import { type MachineSwitches, SWITCHES_6_18 } from '../hardware/switches.ts';
import { type AnyTable, FRAME, HARDWARE_TABLES } from '../hardware/tables.ts';
import { KERNEL_TABLES } from '../kernel/tables.ts';
import { shaped } from '../memory/combined.ts';
import { Layout } from '../memory/layout.ts';
import type { Word } from '../memory/memory.ts';
import { STORE_BUFFER } from '../memory/tso-memory.ts';
import { ORACLE_TABLES } from '../oracle/oracle.ts';
import { perCpuThreads } from '../program/hotplug.ts';
import type { Program } from '../program/program.ts';
import { untilConcurrent } from '../program/same-history.ts';
import { type CompiledProgram, compileProgram } from './compile.ts';
import type { MachinePlan } from './machine-plan.ts';
import { ENGINE_TABLES } from './tables.ts';

/** The part of a machine that engines share: the layout of its image and what runs on it. */
export class MachineShape {
  readonly geometry: Geometry;
  readonly switches: MachineSwitches;
  readonly costs: CostProfile;
  readonly layout: Layout<Geometry>;
  /** Of the program that it has now. */
  private now: { readonly plan: MachinePlan; readonly program: CompiledProgram };
  private readonly history: string;

  constructor(plan: MachinePlan) {
    const { machine } = plan.program;
    const { threads = [] } = plan.policy;
    this.history = untilConcurrent(plan.program);
    const sizes = makeGeometry(machine.geometry ?? 'tiny', { ...machine.override, cpus: machine.cpus });
    const added = threads.length + perCpuThreads(plan.program).length;
    this.geometry = shaped({ ...sizes, tasks: sizes.tasks + added });
    this.switches = shaped({ ...SWITCHES_6_18, ...machine.switches });
    const costs = COST_PROFILES[plan.costs];
    if (!costs) throw new RangeError(`cost profile "${plan.costs}": expected ${Object.keys(COST_PROFILES).join(', ')}`);
    this.costs = costs;
    this.now = { plan, program: compileProgram(plan.program, this.geometry, threads, plan.menu) };
    this.layout = new Layout(this.geometry);
    for (const t of this.tables()) this.layout.place(t);
  }

  get plan(): MachinePlan {
    return this.now.plan;
  }
  get program(): CompiledProgram {
    return this.now.program;
  }

  /** Takes another program of the same history, which differs in the operations of the concurrent part alone; false if it differs in more. */
  takes(program: Program): boolean {
    if (untilConcurrent(program) !== this.history) return false;
    const { policy, menu } = this.plan;
    this.now = {
      plan: { ...this.plan, program },
      program: compileProgram(program, this.geometry, policy.threads, menu),
    };
    return true;
  }

  /** First word and first word after the frames: where page-table entries lie. */
  pairs(): { from: number; to: number } {
    const frames = this.layout.range(FRAME.name);
    return { from: frames.from, to: frames.to };
  }

  extraTables(): AnyTable[] {
    return [...(this.plan.policy.tables ?? []), ...this.plan.patches.flatMap((p) => p.tables ?? [])] as AnyTable[];
  }

  /** Counters, clocks and the numbers of steps that reports print: nothing that happens depends on them. */
  *bookkeeping(): Iterable<Word> {
    const { layout } = this;
    for (const counters of ['count', 'kcount']) yield* layout.wordsOf(counters);
    yield* layout.wordsOf('regs', 'cycles');
    for (const stamps of ['sentAt', 'takenAt']) yield* layout.wordsOf('apic', stamps);
    yield* layout.wordsOf('ghostPage', 'endedAt');
    yield* layout.wordsOf('ghostCpu', 'tlbFilledAt');
  }

  /** Words that say when the oracle has to look: set in vain, they change nothing. */
  hints(): Iterable<Word> {
    return this.layout.wordsOf('ghostGlobal', 'suspect');
  }

  private tables(): AnyTable[] {
    const oracle = this.plan.oracle ? Object.values(ORACLE_TABLES) : [];
    const all = [
      ...Object.values(HARDWARE_TABLES),
      ...Object.values(KERNEL_TABLES),
      ...Object.values(ENGINE_TABLES),
      ...this.extraTables(),
      ...(this.plan.memory === 'tso' ? [STORE_BUFFER] : []),
      ...oracle,
    ];
    return all as unknown as AnyTable[];
  }
}
