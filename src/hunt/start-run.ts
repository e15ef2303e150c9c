/** Where a run begins: at the reset, or where it parts from the last one. */
import type { Stepper } from '../engine/stepper.ts';
import { DepthFirst } from './strategies/depth-first.ts';
import type { Strategy } from './strategies/strategy.ts';

/**
 * Takes the stepper to where the run that `strategy` has just begun parts from the last one, if the stepper has made that by the
 * same strategy (`again`) and can go back there; else to its reset. Returns the steps that are made by that.
 */
export function startRun(stepper: Stepper, strategy: Strategy, again: boolean): number {
  if (again && strategy instanceof DepthFirst && stepper.goesBackTo(strategy.inCommon)) {
    stepper.goBack(strategy.inCommon);
    strategy.startBehindThem();
  } else stepper.reset();
  return stepper.steps;
}
