/**
 * Follows the log of a parallel round in the stepper. Tickets order the steps of all CPUs up to a few steps where two of them raced;
 * so a follower may shift each step by a little, and the many followers of one log are the schedules that agree with it.
 * Where the machine leaves the log, a CPU is brought back to the next point that both have.
 */
import { type Choice, choice, DELIVER, RUN } from '../engine/choice.ts';
import { LOG_RUN, logKind, logPoint, logTicket } from '../engine/rounds-log.ts';
import type { Stepper } from '../engine/stepper.ts';
import type { KeptRound } from '../engine/threads-view.ts';
import { BETWEEN } from '../engine/user-mode.ts';
import { type CpuId, VECTOR_TIMER } from '../hardware/types.ts';
import { pointLabel } from '../memory/point.ts';
import type { Random } from './random.ts';

/** A step of one CPU as the log has it. */
interface Logged {
  /** Place in the order of the round, shifted. */
  readonly at: number;
  /** Label of the point at which it began; undefined: it takes an interrupt. */
  readonly label: string | undefined;
  readonly isTimer: boolean;
}

/** Entries ahead in which a CPU's present point is looked for. */
const AHEAD = 48;
/** Steps that a CPU may take towards the point that its log expects. */
const ASTRAY = 64;
/** Steps behind the end of the log, for what the last steps led to. */
const TAIL = 400;

export class TicketOrder {
  private readonly logs: Logged[][];
  private readonly next: number[];
  private readonly astray: number[];
  private tail = TAIL;

  /** @param shift how many places a step may be off */
  constructor(
    { logs, labels }: KeptRound,
    private readonly random: Random,
    shift: number,
  ) {
    const between = pointLabel(BETWEEN);
    const shifted = (entry: number): number => logTicket(entry) + (shift > 0 ? random.below(2 * shift + 1) - shift : 0);
    this.logs = logs.map((log) =>
      [...log]
        .map((entry) => ({
          at: shifted(entry),
          label: logKind(entry) === LOG_RUN ? labels[logPoint(entry)] : undefined,
          isTimer: logKind(entry) === LOG_RUN + 1 + VECTOR_TIMER,
        }))
        // in the stepper an operation follows the one before it in the same step
        .filter(({ label }) => label !== between),
    );
    this.next = logs.map(() => 0);
    this.astray = logs.map(() => 0);
  }

  /** The next choice; -1 some steps behind the end of the log. */
  choose = (stepper: Stepper): number => {
    const open = this.logs.flatMap((_, id) => (this.head(id) ? [id] : []));
    open.sort((a, b) => (this.head(a) as Logged).at - (this.head(b) as Logged).at);
    for (const id of open) {
      const c = this.stepOf(stepper, id as CpuId);
      if (c >= 0) return c;
    }
    if (open.length === 0 && this.tail-- <= 0) return -1;
    // nobody can do what the log has next: whoever can do anything goes on
    return stepper.choices[this.random.below(stepper.choices.length)];
  };

  private head(id: number): Logged | undefined {
    return this.logs[id][this.next[id]];
  }

  /** What CPU `id` does now that its log has its turn; -1 if it has to wait. */
  private stepOf(stepper: Stepper, id: CpuId): number {
    const { label, isTimer } = this.head(id) as Logged;
    const deliver = choice(DELIVER, id);
    if (label === undefined) {
      if (stepper.choices.includes(deliver)) return this.taken(id, deliver);
      return isTimer ? stepper.tickChoice(id) : -1;
    }
    const run = choice(RUN, id);
    if (!stepper.choices.includes(run)) return -1;
    const here = pointLabel(stepper.cpuAt(id).point);
    if (here === label) return this.taken(id, run);
    const log = this.logs[id];
    for (let i = this.next[id] + 1; i < Math.min(log.length, this.next[id] + AHEAD); i++) {
      if (log[i].label !== here) continue;
      this.next[id] = i;
      return this.taken(id, run);
    }
    if (++this.astray[id] > ASTRAY) {
      this.next[id]++;
      this.astray[id] = 0;
    }
    return run;
  }

  private taken(id: CpuId, c: Choice): Choice {
    this.next[id]++;
    this.astray[id] = 0;
    return c;
  }
}
