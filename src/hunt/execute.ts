/** One execution of a program under one schedule, from the reset to a verdict. */
import { HistoryStuck } from '../engine/history.ts';
import type { Stepper } from '../engine/stepper.ts';
import { KernelBug } from '../kernel/cpu.ts';
import { OneAccessError } from '../memory/stepped-memory.ts';
import type { Harm, Violation } from '../oracle/oracle.ts';

/** Steps after which a run counts as a livelock; correct paths end far below. */
export const MAX_STEPS = 50_000;

/** What convicted a run, whoever saw it: the oracle, an assertion of the kernel, or the engine. */
export interface Conviction {
  readonly harm: Harm;
  readonly says: string;
  /** The oracle's record, if it was the oracle. */
  readonly violation: Violation | undefined;
}

export interface Execution {
  readonly steps: number;
  readonly convicted: Conviction | undefined;
  /** Stopped by the chooser before the end. */
  readonly stopped: boolean;
}

/** The model, or a plug-in, did what no path may do. Not a verdict on the policy: a tool error with a name. */
export class PathError extends Error {
  constructor(
    readonly plugin: string,
    readonly problem: string,
  ) {
    super(`${plugin}: ${problem}`);
    this.name = 'PathError';
  }
}

/**
 * Runs `stepper` from its reset to the end under `choose` and judges the resting machine.
 * @throws PathError when a path breaks the one-access rule or throws.
 */
export function execute(stepper: Stepper, choose: (stepper: Stepper) => number, maxSteps = MAX_STEPS): Execution {
  const { machine } = stepper;
  const { oracle } = machine;
  if (stepper.historyViolation) return judged(stepper, stepper.historyViolation, stepper.historyViolation);
  if (stepper.historyFailure) return failed(stepper, stepper.historyFailure);
  let end: ReturnType<Stepper['run']> = 'stopped';
  try {
    end = stepper.run(choose, maxSteps);
    if (end === 'finished') machine.audit?.lookAtRest();
    if (end === 'finished' && oracle) {
      oracle.readBack();
      if (!oracle.violation) oracle.leaks();
    }
  } catch (error) {
    return failed(stepper, error);
  }
  if (oracle?.violation) {
    return judged(stepper, { harm: oracle.violation.harm, says: oracle.violation.says }, oracle.violation);
  }
  if (end === 'deadlock') return judged(stepper, { harm: 'deadlock', says: stepper.whoWaits() });
  if (end === 'livelock') return judged(stepper, { harm: 'livelock', says: `no end after ${maxSteps} steps` });
  return { steps: stepper.steps, convicted: undefined, stopped: end === 'stopped' };
}

/** What a throw means: an assertion of the kernel, a history that does not end, or a broken path. */
function failed(stepper: Stepper, error: unknown): Execution {
  if (error instanceof KernelBug) return judged(stepper, { harm: 'kernel-assert', says: error.message });
  if (error instanceof HistoryStuck) return judged(stepper, { harm: error.harm, says: error.message });
  throw named(stepper, error);
}

function judged(
  stepper: Stepper,
  { harm, says }: { harm: Harm; says: string },
  violation: Violation | undefined = undefined,
): Execution {
  return { steps: stepper.steps, convicted: { harm, says, violation }, stopped: false };
}

function named(stepper: Stepper, error: unknown): PathError {
  const { policy, patches } = stepper.machine.shape.plan;
  const plugins = [
    ...patches.map((p) => `patch ${p.name}`),
    ...(policy.name === 'mainline' ? [] : [`policy ${policy.name}`]),
  ];
  const who = plugins.length > 0 ? plugins.join(' or ') : 'mainline';
  const at = stepper.lastPoint();
  if (error instanceof OneAccessError) return new PathError(who, `one-access rule broken at "${at}": ${error.message}`);
  const e = error instanceof Error ? error : new Error(String(error));
  return new PathError(who, `threw at "${at}": ${e.name}: ${e.message}`);
}
