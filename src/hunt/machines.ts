/**
 * The machines of a hunt. To make one, and to run the history of its program, takes as long as a few schedules; where another program has
 * the same history, the machine that stands behind it does for that one, too.
 */
import type { MachinePlan } from '../engine/machine-plan.ts';
import { Stepper } from '../engine/stepper.ts';
import { untilConcurrent } from '../program/same-history.ts';

/** Machines that are kept: those of the programs that go on alike, and of a few that may come again. */
const KEPT = 4;

export class Machines {
  /** By their histories, the latest last. */
  private readonly kept = new Map<string, Stepper>();

  /** A machine of the plan, at the start of its concurrent part. @param plan differs from those before in its program alone */
  of(plan: MachinePlan): Stepper {
    const history = untilConcurrent(plan.program);
    const known = this.kept.get(history);
    const stepper = known?.takes(plan.program) ? known : new Stepper(plan);
    // of the programs of one history each shows its own
    stepper.machine.oracle?.clearWindows();
    this.kept.delete(history);
    this.kept.set(history, stepper);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value!);
    return stepper;
  }
}
