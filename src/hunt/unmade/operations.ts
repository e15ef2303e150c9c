/**
 * Operations that nobody does, each for one run where it meets what patches do (moments.ts). Some begin before the run, or in the midst of
 * a routine of the patches, and wait when they have left a TLB stale, until all that the run did is over: their flush is still to come
 * then. Others happen at once where the patches have left a TLB stale, as far as no lock keeps them waiting. A program of its own for each
 * would take some schedules until they meet there.
 */
import type { Choice } from '../../engine/choice.ts';
import type { MachinePlan } from '../../engine/machine-plan.ts';
import type { Stepper } from '../../engine/stepper.ts';
import { combined } from '../../memory/combined.ts';
import type { TaskProgram } from '../../program/program.ts';
import type { Rival } from '../generate/encounter.ts';
import { UNMADE } from '../hunt-sums.ts';
import { MachineRun } from '../machine-run.ts';
import { type Moment, Moments, type Patched } from './moments.ts';
import { type Gap, type MadeUp, runWith } from './run.ts';
import { StoresAndAllocations, type Tried } from './stores-and-allocations.ts';

/** Behind one of them: what its harm may take is mostly there, but for who gets the frame, or stores to what has been read. */
const MOST: Tried = { stores: { any: 0, beside: 0, late: 1 }, allocations: 1 };

/** Those of the runs of one program. */
export class UnmadeOperations {
  private readonly moments: Moments;
  /** They are tried behind one run, or none. */
  private isOver = false;

  /** @param patched what patches do to its runs @param rivals what could meet its first operation, in this order */
  constructor(
    private readonly plan: MachinePlan,
    private readonly stepper: Stepper,
    run: MachineRun,
    patched: Patched,
    private readonly rivals: () => Iterable<Rival>,
  ) {
    this.moments = new Moments(plan.program, stepper, run, patched);
  }

  /** A run begins. */
  begin(): void {
    if (!this.isOver) this.moments.begin();
  }

  /** The run, so many steps long, is about to take that step. */
  step(at: number, next: Choice): void {
    if (!this.isOver) this.moments.step(at, next);
  }

  /** Runs like this one, with one operation more each. @param recorded the schedule of this one */
  *made(recorded: readonly number[]): Generator<MadeUp> {
    const moments = this.isOver ? [] : this.moments.ofRun();
    if (moments.length === 0) return;
    this.isOver = true;
    for (const rival of this.rivals()) {
      for (const moment of moments) yield* this.tried(rival, moment, recorded);
    }
  }

  /** The run with the rival, and with what nobody does behind that. */
  private *tried({ task, ops }: Rival, { gaps, waits }: Moment, recorded: readonly number[]): Generator<MadeUp> {
    const gap = this.gapOf(task, gaps);
    if (!gap) return;
    const { stepper } = this;
    let others: StoresAndAllocations | undefined;
    const finished = runWith(this.plan, stepper, combined(gap, { ops, waits }), recorded, (plan) => {
      others = new StoresAndAllocations(plan, stepper, new MachineRun(stepper), MOST);
      return others;
    });
    if (!finished) return;
    yield { ...finished, name: UNMADE.operations };
    const { convicted, stopped } = finished.run;
    if (others && !convicted && !stopped) yield* others.made(finished.choices);
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
}

/** Kernel threads have no address space that operations could be about, and who is forked has a copy. */
function isApart({ kthread, forkedBy }: TaskProgram): boolean {
  return kthread === true || forkedBy !== undefined;
}
