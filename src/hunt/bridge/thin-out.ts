/**
 * Takes operations out of a convicting run, many at once and then fewer, and lets the steps of the others happen in the order that
 * they had; takes then a tiny machine, if that will do. So a program of hundreds of operations gets small before many schedules of
 * each smaller one are looked at (see shrink.ts).
 */
import type { MachinePlan } from '../../engine/machine-plan.ts';
import { Stepper } from '../../engine/stepper.ts';
import { GEOMETRIES } from '../../hardware/geometry.ts';
import type { Program } from '../../program/program.ts';
import { makesSense } from '../check-machine.ts';
import { execute } from '../execute.ts';
import { onTinyMachine } from '../fitted-machine.ts';
import type { RawFinding } from '../hunt.ts';
import type { Random } from '../random.ts';
import { ExactReplay } from '../schedule.ts';
import { simpler } from '../smaller-programs.ts';
import { agreeing, runnable, SHARES, UNCHECKED } from './agreeing.ts';
import { type Cut, type Lifted, OperationLog } from './round-program.ts';

/** A run with the same harm and fewer operations, on fewer pages; the finding itself if there is none. */
export function thinnedOut(found: RawFinding, random: Random, outOfTime: () => boolean): RawFinding {
  const { plan, conviction } = found;
  const stepper = new Stepper({ ...plan, checks: UNCHECKED });
  const log = new OperationLog(plan.program);
  stepper.watcher = log;
  stepper.reset();
  execute(stepper, new ExactReplay(found.choices).choose);
  let best = found;
  let cut = log.cut(log.count, false);
  const takes = (less: Cut, on: (program: Program) => Program = (program) => onFrames(program, best)): boolean => {
    if (outOfTime()) return false;
    const { program, order } = log.lifted(less);
    const smaller = convicted({ program: on(program), order }, plan, conviction.harm, { random, outOfTime });
    if (smaller) [best, cut] = [smaller, less];
    return smaller !== undefined;
  };
  // what needs memory to run short takes fewer operations where there is less of it
  const fewerFrames = (): boolean => takes(cut, (program) => onFrames(program, best, 2));
  for (let size = Math.ceil(sizeOf(cut) / 2); size > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < sizeOf(cut) && !outOfTime(); ) if (!takes(without(cut, from, size))) from += size;
  }
  while (fewerFrames());
  for (let i = 0; i < sizeOf(cut) && !outOfTime(); ) if (!simplerAt(cut, i).some((less) => takes(less))) i++;
  takes(cut, (program) => onTinyMachine(onFrames(program, best)));
  return best;
}

/** The program with as many frames as `like` has, or with a part of them. */
function onFrames(program: Program, { plan }: RawFinding, divisor = 1): Program {
  const { machine } = program;
  const { frames } = { ...GEOMETRIES[machine.geometry ?? 'tiny'], ...plan.program.machine.override };
  return {
    ...program,
    machine: { ...machine, override: { ...machine.override, frames: Math.ceil(frames / divisor) } },
  };
}

function convicted(
  lifted: Lifted,
  plan: MachinePlan,
  harm: string,
  { random, outOfTime }: { random: Random; outOfTime: () => boolean },
): RawFinding | undefined {
  if (!makesSense(lifted.program)) return undefined;
  const { policy, patches, costs, oracle } = plan;
  const candidate = runnable(lifted, { policy, patches, costs, strict: oracle?.strict ?? false });
  for (const share of SHARES) {
    const found = agreeing(candidate, random, share, outOfTime);
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

/** With that operation on fewer pages. */
function simplerAt({ step, history, concurrent }: Cut, i: number): Cut[] {
  const { op } = i < history.length ? history[i] : concurrent[i - history.length];
  return simpler(op).map((less) => ({
    step,
    history: history.map((act, k) => (k === i ? { ...act, op: less } : act)),
    concurrent: concurrent.map((act, k) => (history.length + k === i ? { ...act, op: less } : act)),
  }));
}
