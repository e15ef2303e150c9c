/** Who watches a stepper. */
import type { Cpu } from '../kernel/cpu.ts';
import type { Choice } from './choice.ts';
import type { Stepper } from './stepper.ts';

/** Watches the steps of a run: records for columns, coverage, statistics. */
export interface StepWatcher {
  /** Before a step: `cpu` stands at its point and is about to touch its announced word. */
  before?(stepper: Stepper, c: Choice, cpu: Cpu): void;
  /** After the step. */
  after?(stepper: Stepper, c: Choice, cpu: Cpu): void;
}
