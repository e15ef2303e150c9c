/** The history of a program: operations one after another, in a fixed order of steps, before the concurrent part. */
import { apicHasPending } from '../hardware/apic.ts';
import type { CpuId } from '../hardware/types.ts';
import { choiceCpu, choiceKind, DELIVER } from './choice.ts';
import type { Stepper } from './stepper.ts';
import { TURN_COMES } from './user-mode.ts';

/** Far more than any history of a few dozen operations takes. */
const MAX_STEPS = 2_000_000;

/** The operations of the history, one after another, do not come to their end. */
export class HistoryStuck extends Error {
  constructor(
    readonly harm: 'deadlock' | 'livelock',
    whoWaits: string,
  ) {
    super(`the history does not end: ${whoWaits}`);
  }
}

/**
 * Steps until every CPU stands before its concurrent part, or until the oracle convicts.
 * @throws HistoryStuck, KernelBug, or whatever a plug-in throws.
 */
export function stepThroughHistory(stepper: Stepper): void {
  const { machine } = stepper;
  const { turn } = machine.columns.program;
  const { length } = machine.program.history;
  let last = 0;
  for (let steps = 0; ; steps++) {
    // CPUs that wait for the concurrent part stay where they are; the others go on in turn
    const over = turn.peek(0) === length;
    const free = stepper.choices.filter((c) => !over || !atBarrier(stepper, choiceCpu(c)));
    if (free.length === 0 && over) return;
    if (free.length === 0) throw new HistoryStuck('deadlock', stepper.whoWaits());
    if (steps > MAX_STEPS) throw new HistoryStuck('livelock', stepper.whoWaits());
    // interrupts at once, else the next CPU in turn
    const next = free.find((c) => choiceKind(c) === DELIVER) ?? free.find((c) => choiceCpu(c) > last) ?? free[0];
    last = choiceCpu(next);
    stepper.step(next);
    if (machine.oracle?.violation) return;
  }
}

/** In user mode, all of its own history done. */
function atBarrier(stepper: Stepper, id: CpuId): boolean {
  const cpu = stepper.cpuAt(id);
  return stepper.depthAt(id) === 1 && cpu.point === TURN_COMES && !apicHasPending(cpu);
}
