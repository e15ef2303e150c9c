/**
 * Operations that nobody does, in the midst of one that patches have made do otherwise: where it has left a TLB stale, each of a few kinds
 * happens at once, as far as no lock keeps it waiting. And where patches are come by that have made no difference so far, operations begin
 * before the run, and stop where they leave a TLB stale. A program of its own for each would take some schedules until they meet there.
 */
import type { Choice } from '../../engine/choice.ts';
import type { MachinePlan } from '../../engine/machine-plan.ts';
import type { Stepper } from '../../engine/stepper.ts';
import type { CpuId } from '../../hardware/types.ts';
import { combined } from '../../memory/combined.ts';
import type { TaskProgram } from '../../program/program.ts';
import type { DifferenceMade } from '../directed/difference.ts';
import type { Rival } from '../generate/encounter.ts';
import { MachineRun } from '../machine-run.ts';
import { UnmadeAllocations } from './allocations.ts';
import { type FinishedRun, type Gap, type Joining, Outside, runWith } from './run.ts';

/** A moment of a run, and who could do something at it. */
interface Moment {
  readonly gaps: readonly Gap[];
  readonly stopsWhenStale: boolean;
}

/** What patches have done to a run. */
export interface Patched extends DifferenceMade {
  /** This run has parted from the one without them. */
  readonly hasParted: boolean;
}

/** Those of the runs of one program. */
export class UnmadeOperations {
  /** The first of this run at which it had parted, with a TLB stale, and the last. */
  private stale: readonly Gap[] | undefined;
  private latest: readonly Gap[] | undefined;
  private beginning: readonly Gap[] = [];
  private readonly outside: Outside;
  /** They are tried behind one run, or none. */
  private isOver = false;

  /** @param patched what patches do to its runs @param rivals what could meet its first operation, in this order */
  constructor(
    private readonly plan: MachinePlan,
    private readonly stepper: Stepper,
    private readonly run: MachineRun,
    private readonly patched: Patched,
    private readonly rivals: () => Iterable<Rival>,
  ) {
    this.outside = new Outside(plan.program, stepper, run);
  }

  /** A run begins. */
  begin(): void {
    this.outside.begin();
    this.stale = undefined;
    this.latest = undefined;
    this.beginning = this.gapsAt(0);
  }

  /** The run, so many steps long, is about to take that step. */
  step(at: number, next: Choice): void {
    if (this.isOver) return;
    if (this.patched.hasParted && this.run.holdsStale()) {
      this.latest = this.gapsAt(at);
      this.stale ??= this.latest;
    }
    this.outside.sees(next);
  }

  /** Runs like this one, with one operation more each. @param recorded the schedule of this one */
  *made(recorded: readonly number[]): Generator<FinishedRun> {
    const moments = this.isOver ? [] : this.moments();
    if (moments.length === 0) return;
    this.isOver = true;
    for (const rival of this.rivals()) {
      for (const moment of moments) yield* this.tried(rival, moment, recorded);
    }
  }

  private moments(): Moment[] {
    const { stale, latest, beginning, patched } = this;
    if (stale && latest) return [...new Set([stale, latest])].map((gaps) => ({ gaps, stopsWhenStale: false }));
    const mayRace = !patched.isKnown && patched.begun.size > 0;
    return mayRace ? [{ gaps: beginning, stopsWhenStale: true }] : [];
  }

  /** The run with the rival, and with an allocation behind that. */
  private *tried(
    { task, ops }: Rival,
    { gaps, stopsWhenStale }: Moment,
    recorded: readonly number[],
  ): Generator<FinishedRun> {
    const gap = this.gapOf(task, gaps);
    if (!gap) return;
    const joining: Joining = combined(gap, { ops, stopsWhenStale });
    let allocations: UnmadeAllocations | undefined;
    const finished = runWith(this.plan, this.stepper, joining, recorded, (plan) => {
      allocations = new UnmadeAllocations(plan, this.stepper, new MachineRun(this.stepper), 1);
      return allocations;
    });
    if (!finished) return;
    yield finished;
    if (allocations && !finished.run.convicted) yield* allocations.made(finished.choices);
  }

  /** Where the task could do it, or another one of its address space. */
  private gapOf(name: string, gaps: readonly Gap[]): Gap | undefined {
    const { tasks, machine } = this.plan.program;
    const of = ({ task }: Gap): TaskProgram | undefined => tasks[task - machine.cpus];
    const asked = tasks.find((t) => t.name === name);
    const isSame = (other: TaskProgram | undefined): boolean =>
      asked !== undefined && other !== undefined && !isApart(asked) && !isApart(other) && asked.mm === other.mm;
    return gaps.find((gap) => of(gap)?.name === name) ?? gaps.find((gap) => isSame(of(gap)));
  }

  /** Of all CPUs that are outside the kernel. */
  private gapsAt(at: number): Gap[] {
    const ids = Array.from({ length: this.stepper.machine.geometry.cpus }, (_, id) => id as CpuId);
    return ids.filter((id) => this.outside.is(id)).map((id) => this.outside.gapAt(at, id));
  }
}

/** Kernel threads have no address space that operations could be about, and who is forked has a copy. */
function isApart({ kthread, forkedBy }: TaskProgram): boolean {
  return kthread === true || forkedBy !== undefined;
}
