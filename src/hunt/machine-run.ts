/** An execution of a machine as strategies see it. */
import { type Choice, choiceCpu, choiceKind, DELIVER, DRAIN } from '../engine/choice.ts';
import type { Stepper } from '../engine/stepper.ts';
import { drainWord } from '../engine/store-buffers.ts';
import { adversaryActions } from '../hardware/adversary.ts';
import { apicWord } from '../hardware/apic.ts';
import type { CpuId, Pfn } from '../hardware/types.ts';
import type { Cpu } from '../kernel/cpu.ts';
import type { TaskId } from '../kernel/types.ts';
import type { Placed } from '../memory/layout.ts';
import type { Word } from '../memory/memory.ts';
import type { Footprint } from '../memory/step-record.ts';
import type { OpKind } from '../program/op-kind.ts';
import type { Run } from './strategies/strategy.ts';
import { timelyWalks } from './timely-walks.ts';

/** More than any program has. */
const MOST_OPERATIONS = 0x10000;

/** What a hunt is directed at, if it is. */
export interface Direction {
  isBehind(run: MachineRun, id: CpuId): boolean;
  isInside(cpu: Cpu): boolean;
}

export class MachineRun implements Run {
  readonly choices: readonly Choice[];
  readonly cpus: number;
  /** Where the words of frames lie, and their records. */
  private readonly frames: readonly Placed[];

  /** @param direction of a directed hunt */
  constructor(
    private readonly stepper: Stepper,
    private readonly direction?: Direction,
  ) {
    this.choices = stepper.choices;
    this.cpus = stepper.machine.geometry.cpus;
    const { layout } = stepper.machine.shape;
    this.frames = ['frame', 'folio'].map((table) => layout.fieldsOf(table)[0]);
  }

  get steps(): number {
    return this.stepper.steps;
  }
  announced(c: Choice): Word {
    const cpu = this.stepper.cpuAt(choiceCpu(c));
    if (choiceKind(c) === DRAIN) return drainWord(this.stepper.machine, cpu.id);
    return choiceKind(c) === DELIVER ? apicWord(cpu) : cpu.word;
  }
  /** A point announces a word, not what is done to it. */
  mayWrite(): boolean {
    return true;
  }
  lastWrote(): boolean {
    return this.stepper.machine.mem.touchedWrite;
  }
  footprint(): Footprint {
    return this.stepper.footprint();
  }
  /** By task and by its place in its program. The engine's look: no path learns from it. */
  operationOf(id: CpuId): number {
    const { columns, geometry } = this.stepper.machine;
    const task = columns.rq.curr.peek(id) as TaskId;
    const { round, pc, done } = columns.user;
    const place = (round.peek(task) * MOST_OPERATIONS + pc.peek(task)) * 2 + done.peek(task);
    return place * (geometry.cpus + geometry.tasks) + task;
  }
  /** The handle of the task that runs there. */
  handleOf(id: CpuId): Cpu {
    return this.stepper.cpuAt(id);
  }
  /** What kind of operation it is that the task does now or did last; undefined: it is no task of the program. */
  kindOf(task: TaskId): OpKind | undefined {
    const { program, geometry, columns } = this.stepper.machine;
    return program.tasks[task - geometry.cpus]?.code[columns.user.pc.peek(task) - 1]?.kind;
  }
  hasReached(id: CpuId): boolean {
    return this.direction?.isBehind(this, id) ?? false;
  }
  isInPatch(id: CpuId): boolean {
    return this.direction?.isInside(this.handleOf(id)) ?? false;
  }
  isInterrupted(id: CpuId): boolean {
    return this.stepper.isInterrupted(id);
  }
  holdsStale(): boolean {
    return this.stepper.machine.oracle?.cached.holdStale() ?? false;
  }
  /** Is the kernel there about to touch a frame, or the record of one, to which a TLB entry leads that is older than the page tables? */
  comesByStale(id: CpuId): boolean {
    const { word, kernelDepth } = this.stepper.cpuAt(id);
    if (kernelDepth === 0) return false;
    for (const { base, stride, rows } of this.frames) {
      const pfn = Math.floor((word - base) / stride);
      if (pfn >= 0 && pfn < rows) return this.stepper.machine.oracle?.cached.leadStaleTo(pfn as Pfn) ?? false;
    }
    return false;
  }
  hardwareActions(id: CpuId, into: number[]): number {
    return adversaryActions(this.stepper.cpuAt(id), this.stepper.machine.pages, into);
  }
  timelyWalks(into: number[]): number {
    return timelyWalks(this.stepper, into);
  }
  tickChoice(id: CpuId): Choice | -1 {
    return this.stepper.tickChoice(id);
  }
}
