/**
 * Allocations that nobody makes. A frame that is free while a TLB still leads to it does no harm until somebody gets it, and whoever freed
 * it is the next to: its CPU's list of free pages gives out what came last. So where that CPU is outside the kernel, and the frame is still
 * free, and still cached, an allocation joins its task, and the schedule goes on as it was. Where a policy keeps such frames back, or
 * flushes when it hands them out, nothing comes of it.
 */
import { type Choice, choiceCpu } from '../../engine/choice.ts';
import type { MachinePlan } from '../../engine/machine-plan.ts';
import type { Stepper } from '../../engine/stepper.ts';
import type { CpuId, Pfn } from '../../hardware/types.ts';
import type { Op } from '../../program/program.ts';
import type { MachineRun } from '../machine-run.ts';
import { type FinishedRun, type Gap, Outside, runWith } from './run.ts';

const ALLOCATION: readonly Op[] = [{ do: 'kalloc' }];

/** Those of the runs of one program. */
export class UnmadeAllocations {
  /** Of the present run. */
  private readonly gaps: Gap[] = [];
  /** Frames that were freed while a TLB led to them, and by whom; nobody, where it has been noted. */
  private readonly freed = new Map<Pfn, CpuId | undefined>();
  private readonly outside: Outside;
  /** Allocations that were tried. */
  private readonly tried = new Set<string>();
  private last: CpuId | undefined;

  /** @param left how many are tried at most */
  constructor(
    private readonly plan: MachinePlan,
    private readonly stepper: Stepper,
    run: MachineRun,
    private left: number,
  ) {
    this.outside = new Outside(plan.program, stepper, run);
  }

  /** A run begins. */
  begin(): void {
    this.gaps.length = 0;
    this.freed.clear();
    this.outside.begin();
    this.last = undefined;
  }

  /** The run, so many steps long, is about to take that step. */
  step(at: number, next: Choice): void {
    if (this.left === 0) return;
    this.look(at);
    this.last = choiceCpu(next);
    this.outside.sees(next);
  }

  /** The run is over, so many steps long. */
  end(at: number): void {
    if (this.left > 0) this.look(at);
  }

  /** Runs like this one, with one allocation more each. @param recorded the schedule of this one */
  *made(recorded: readonly number[]): Generator<FinishedRun> {
    for (const gap of this.gaps) {
      const name = `${gap.task} ${gap.place}`;
      if (this.tried.has(name) || this.left === 0) continue;
      this.tried.add(name);
      this.left--;
      const made = runWith(this.plan, this.stepper, { ...gap, ops: ALLOCATION }, recorded);
      if (made) yield made;
    }
  }

  /** Does the CPU run user code? What an idle one has cached, or one in the kernel, it may still flush before that. */
  private readonly runs = (id: CpuId): boolean => {
    const { columns } = this.stepper.machine;
    return columns.tasks.mm.peek(this.stepper.cpuAt(id).current) !== 0 && this.outside.is(id);
  };

  private look(at: number): void {
    const { stepper, freed, outside, last } = this;
    if (last === undefined) return;
    stepper.machine.oracle?.cached.freeFrames(this.runs, (pfn) => {
      if (!freed.has(pfn)) freed.set(pfn, last);
      const by = freed.get(pfn);
      if (by === undefined || !outside.is(by)) return;
      this.gaps.push(outside.gapAt(at, by));
      freed.set(pfn, undefined);
    });
  }
}
