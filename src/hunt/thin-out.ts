/**
 * Takes operations out of a convicting run, many at once and then fewer, and lets the steps of the others happen in the order that
 * they had; takes then a tiny machine, if that will do. So a program of hundreds of operations gets small before many schedules of
 * each smaller one are looked at (see shrink.ts).
 */
import type { MachinePlan } from '../engine/machine-plan.ts';
import { Stepper } from '../engine/stepper.ts';
import { agreeing, runnable, SHARES, UNCHECKED } from './agreeing.ts';
import { makesSense } from './check-machine.ts';
import { execute } from './execute.ts';
import { onTinyMachine } from './fitted-machine.ts';
import type { RawFinding } from './hunt.ts';
import type { Random } from './random.ts';
import { type Cut, type Lifted, OperationLog } from './round-program.ts';
import { ExactReplay } from './schedule.ts';

/** A run with the same harm and fewer operations; the finding itself if there is none. */
export function thinnedOut(found: RawFinding, random: Random, outOfTime: () => boolean): RawFinding {
  const { plan, conviction } = found;
  const stepper = new Stepper({ ...plan, checks: UNCHECKED });
  const log = new OperationLog(plan.program);
  stepper.watcher = log;
  stepper.reset();
  execute(stepper, new ExactReplay(found.choices).choose);
  let best = found;
  let cut = log.cut(log.count, false);
  for (let size = Math.ceil(sizeOf(cut) / 2); size > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < sizeOf(cut); ) {
      if (outOfTime()) return best;
      const less = without(cut, from, size);
      const smaller = convicted(log.lifted(less), plan, conviction.harm, random);
      if (smaller) [best, cut] = [smaller, less];
      else from += size;
    }
  }
  const { program, order } = log.lifted(cut);
  return convicted({ program: onTinyMachine(program), order }, plan, conviction.harm, random) ?? best;
}

function convicted(lifted: Lifted, plan: MachinePlan, harm: string, random: Random): RawFinding | undefined {
  if (!makesSense(lifted.program)) return undefined;
  const { policy, patches, costs, oracle } = plan;
  const candidate = runnable(lifted, { policy, patches, costs, strict: oracle?.strict ?? false });
  for (const share of SHARES) {
    const found = agreeing(candidate, random, share);
    if (found?.conviction.harm === harm) return found;
  }
  return undefined;
}

function sizeOf({ history, concurrent }: Cut): number {
  return history.length + concurrent.length;
}

/** Without `size` operations from the one numbered `from` on, those of the history first. */
function without({ step, history, concurrent }: Cut, from: number, size: number): Cut {
  const isLeft = (i: number): boolean => i < from || i >= from + size;
  return {
    step,
    history: history.filter((_, i) => isLeft(i)),
    concurrent: concurrent.filter((_, i) => isLeft(history.length + i)),
  };
}
