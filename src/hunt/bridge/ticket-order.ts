/**
 * Follows the steps of a parallel round in the stepper. Tickets order the steps of all CPUs up to a few where two of them raced: a
 * step came behind its own ticket and before the next one of its CPU. The many followers of one log place steps in these
 * intervals, and are so schedules that agree with the log. Where the machine leaves the log, a CPU is brought back to
 * the next point that both have.
 */
import {
  ADVERSARY,
  type Choice,
  choice,
  choiceArgument,
  choiceCpu,
  choiceKind,
  DELIVER,
  RUN,
} from '../../engine/choice.ts';
import type { Stepper } from '../../engine/stepper.ts';
import {
  LOG_ACTS,
  LOG_DELIVER,
  LOG_RUN,
  logAction,
  logKind,
  logPoint,
  logTicket,
} from '../../engine/threads/rounds-log.ts';
import type { KeptRound } from '../../engine/threads/view.ts';
import { BETWEEN } from '../../engine/user-mode.ts';
import { adversaryActions } from '../../hardware/adversary.ts';
import { type CpuId, VECTOR_TIMER } from '../../hardware/types.ts';
import { pointLabel } from '../../memory/point.ts';
import type { Random } from '../random.ts';

/** A step of one CPU. */
export interface OrderedStep {
  /** Place in the order of all CPUs. */
  readonly at: number;
  /** Label of the point at which it begins; undefined: it is no step of a path. */
  readonly label: string | undefined;
  /** Of a step that is none of a path: an interrupt is taken, or hardware acts. */
  readonly choice: Choice | undefined;
  /** The interrupt is that of the timer, which whoever follows has to raise. */
  readonly isTimer: boolean;
}

/** Steps by CPU, in the order of their places. */
export type StepOrder = readonly (readonly OrderedStep[])[];

/** Entries ahead in which a CPU's present point is looked for. */
const AHEAD = 48;
/** Steps that a CPU may take towards the point that its log expects. */
const ASTRAY = 64;

/** The steps of a round as its log has them. */
export function stepsOf({ logs, labels }: KeptRound): StepOrder {
  const between = pointLabel(BETWEEN);
  return logs.map((log, id) => {
    const steps = [...log].map((entry, i) => stepOf(entry, log[i + 1] ?? 0, id as CpuId, labels));
    // in the stepper an operation follows the one before it in the same step
    return steps.filter((step) => step !== undefined && step.label !== between) as OrderedStep[];
  });
}

function stepOf(entry: number, next: number, id: CpuId, labels: readonly string[]): OrderedStep | undefined {
  const at = logTicket(entry);
  const kind = logKind(entry);
  if (kind === LOG_RUN) return { at, label: labels[logPoint(entry)], choice: undefined, isTimer: false };
  if (kind < LOG_ACTS) {
    return { at, label: undefined, choice: choice(DELIVER, id), isTimer: kind === LOG_DELIVER + VECTOR_TIMER };
  }
  // the second half of an action is no step of its own
  if (kind > LOG_ACTS) return undefined;
  return { at, label: undefined, choice: choice(ADVERSARY, id, logAction(entry, next)), isTimer: false };
}

/**
 * The same steps, each with probability `share` anywhere before the next ticket of its CPU.
 * @param share 0 to 1
 */
export function shifted(order: StepOrder, random: Random, share: number): StepOrder {
  if (share === 0) return order;
  const most = Math.round(share * 0x10000);
  return order.map((steps) =>
    steps.map((step, i) => {
      const room = (steps[i + 1]?.at ?? step.at) - step.at;
      if (room < 2 || random.below(0x10000) >= most) return step;
      return { ...step, at: step.at + random.below(room) + 0.5 };
    }),
  );
}

export class TicketOrder {
  private readonly next: number[];
  private readonly astray: number[];

  /** @param tail steps behind the end of the order, for what its last steps led to */
  constructor(
    private readonly order: StepOrder,
    private readonly random: Random,
    private tail: number,
  ) {
    this.next = order.map(() => 0);
    this.astray = order.map(() => 0);
  }

  /** The next choice; -1 some steps behind the end of the order. */
  choose = (stepper: Stepper): number => {
    const open = this.order.flatMap((_, id) => (this.head(id) ? [id] : []));
    open.sort((a, b) => (this.head(a) as OrderedStep).at - (this.head(b) as OrderedStep).at);
    for (const id of open) {
      const c = this.stepOf(stepper, id as CpuId);
      if (c >= 0) return c;
    }
    if (open.length === 0 && this.tail-- <= 0) return -1;
    // nobody can do what the order has next: whoever can do anything goes on
    return stepper.choices[this.random.below(stepper.choices.length)];
  };

  private head(id: number): OrderedStep | undefined {
    return this.order[id][this.next[id]];
  }

  /** What CPU `id` does now that its turn has come; -1 if it has to wait. */
  private stepOf(stepper: Stepper, id: CpuId): number {
    const { label, isTimer, choice: other } = this.head(id) as OrderedStep;
    if (other !== undefined) {
      if (choiceKind(other) === ADVERSARY)
        return canAct(stepper, other) ? this.taken(id, other) : this.skips(stepper, id);
      if (stepper.choices.includes(other)) return this.taken(id, other);
      if (isTimer) return stepper.tickChoice(id);
      // an interrupt that is not there is waited for, but not for ever
      this.strays(id, other);
      return -1;
    }
    const run = choice(RUN, id);
    if (!stepper.choices.includes(run)) return -1;
    const here = pointLabel(stepper.cpuAt(id).point);
    if (here === label) return this.taken(id, run);
    const steps = this.order[id];
    const ahead = steps.slice(this.next[id], this.next[id] + AHEAD);
    const same = ahead.findIndex((step) => step.label === here);
    // what hardware did on the way it does all the same
    const act = ahead.findIndex((step) => step.choice !== undefined && choiceKind(step.choice) === ADVERSARY);
    if (act >= 0 && act < same) {
      this.next[id] += act;
      return this.stepOf(stepper, id);
    }
    if (same >= 0) {
      this.next[id] += same;
      return this.taken(id, run);
    }
    return this.strays(id, run);
  }

  private strays(id: CpuId, run: Choice): Choice {
    if (++this.astray[id] > ASTRAY) {
      this.next[id]++;
      this.astray[id] = 0;
    }
    return run;
  }

  /** Hardware cannot do here what it did there: another machine, or nothing that could be evicted. */
  private skips(stepper: Stepper, id: CpuId): number {
    this.next[id]++;
    return this.head(id) ? this.stepOf(stepper, id) : -1;
  }

  private taken(id: CpuId, c: Choice): Choice {
    this.next[id]++;
    this.astray[id] = 0;
    return c;
  }
}

/** Is it something that the hardware of that CPU can do now? */
function canAct(stepper: Stepper, c: Choice): boolean {
  const possible: number[] = [];
  const n = adversaryActions(stepper.cpuAt(choiceCpu(c)), stepper.machine.pages, possible);
  return possible.slice(0, n).includes(choiceArgument(c));
}
