/** The check that a model is deterministic: a sample of runs is made twice and compared (as Shuttle does). */
import type { Stepper } from '../engine/stepper.ts';
import { type Execution, execute } from './execute.ts';

/** One run in this many is made a second time. */
export const CHECK_EVERY = 512;

/** Do the same choices lead to the same image and the same verdict? The stepper is where `run` has left it. */
export function isRepeatable(stepper: Stepper, choices: readonly number[], run: Execution): boolean {
  const hash = stepper.machine.mem.hash();
  let at = 0;
  stepper.reset();
  const again = execute(stepper, () => choices[at++] ?? -1);
  const same = stepper.machine.mem.hash() === hash && again.steps === run.steps;
  return same && again.convicted?.says === run.convicted?.says;
}
