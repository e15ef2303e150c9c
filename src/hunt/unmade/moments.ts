/** The moments of a run at which something that nobody does could meet what patches do. */
import { type Choice, choiceCpu, choiceKind, RUN } from '../../engine/choice.ts';
import type { Stepper } from '../../engine/stepper.ts';
import type { CpuId } from '../../hardware/types.ts';
import type { Program } from '../../program/program.ts';
import type { DifferenceMade } from '../directed/difference.ts';
import type { MachineRun } from '../machine-run.ts';
import { type Gap, Outside, type Waiting } from './run.ts';

/** What patches have done to a run. */
export interface Patched extends DifferenceMade {
  /** This run has parted from the one without them. */
  readonly hasParted: boolean;
}

/** A moment of a run, and who could do something at it. */
export interface Moment {
  readonly gaps: readonly Gap[];
  /** Whether what joins there waits when it has left a TLB stale. */
  readonly waits: Waiting | undefined;
}

/** Those of the runs of one program. */
export class Moments {
  private beginning: readonly Gap[] = [];
  /** The last at which somebody was in a routine of the patches and the run had not parted: what is looked at there may change now. */
  private inside: readonly Gap[] | undefined;
  /** The first at which the run had parted, with a TLB stale. */
  private stale: readonly Gap[] | undefined;
  private readonly outside: Outside;

  /** @param patched what patches do to the runs */
  constructor(
    program: Program,
    private readonly stepper: Stepper,
    private readonly run: MachineRun,
    private readonly patched: Patched,
  ) {
    this.outside = new Outside(program, stepper, run);
  }

  /** A run begins. */
  begin(): void {
    this.outside.begin();
    this.beginning = this.gapsAt(0);
    this.inside = undefined;
    this.stale = undefined;
  }

  /** The run, so many steps long, is about to take that step. */
  step(at: number, next: Choice): void {
    const { run, patched } = this;
    if (patched.hasParted) {
      if (this.stale === undefined && run.holdsStale()) this.stale = this.gapsAt(at);
    } else if (choiceKind(next) === RUN && run.isInPatch(choiceCpu(next))) {
      this.inside = this.gapsAt(at);
    }
    this.outside.sees(next);
  }

  /** Those of the run that is over; none where no patch was come by. */
  ofRun(): Moment[] {
    const { beginning, inside, stale, patched } = this;
    const moments: Moment[] = [];
    if (patched.begun.size > 0) moments.push({ gaps: beginning, waits: 'must' });
    if (inside) moments.push({ gaps: inside, waits: 'may' });
    if (stale) moments.push({ gaps: stale, waits: undefined });
    return moments;
  }

  /** Of all CPUs that are outside the kernel. */
  private gapsAt(at: number): Gap[] {
    const ids = Array.from({ length: this.stepper.machine.geometry.cpus }, (_, id) => id as CpuId);
    return ids.filter((id) => this.outside.is(id)).map((id) => this.outside.gapAt(at, id));
  }
}
