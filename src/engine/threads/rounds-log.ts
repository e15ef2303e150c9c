/**
 * The log of a round: for each CPU one word a point, with which it is and its place in the order of all CPUs' points; and what
 * hardware was made to do. A ticket is taken before the access that follows its point; where a step took a lock, the ticket is
 * taken again behind it, so that it comes after the step that released the lock. Of two racing accesses that are neither, this
 * says only that each came before the next ticket of its own CPU.
 */
import type { AdversaryAction } from '../../hardware/adversary.ts';
import { type CpuId, VECTORS } from '../../hardware/types.ts';
import { type Point, START } from '../../memory/point.ts';
import type { ControlColumns } from './worker-tables.ts';

/** The path of the CPU goes on. */
export const LOG_RUN = 0;
/** It takes an interrupt: of vector 0, 1, 2 …; higher numbers follow. */
export const LOG_DELIVER = 1;
/** Hardware acts on its own: the low bits of the action stand for a point. An entry with its high bits follows. */
export const LOG_ACTS = LOG_DELIVER + VECTORS;
const LOG_ACTS_HIGH = LOG_ACTS + 1;

const KIND_BITS = 3;
const POINT_BITS = 10;
const LOW_BITS = KIND_BITS + POINT_BITS;

/** Place of an entry in the order of the round, from 0. */
export function logTicket(entry: number): number {
  return entry >>> LOW_BITS;
}
/** Low bits of the number of the point at which the step began, as the threads of the run count points. */
export function logPoint(entry: number): number {
  return (entry >>> KIND_BITS) & ((1 << POINT_BITS) - 1);
}
/** LOG_RUN, or LOG_DELIVER plus the vector. */
export function logKind(entry: number): number {
  return entry & ((1 << KIND_BITS) - 1);
}

/** The action whose two halves these entries are. */
export function logAction(low: number, high: number): AdversaryAction {
  return (logPoint(low) | (logPoint(high) << POINT_BITS)) as AdversaryAction;
}

export class RoundLog {
  private length = 0;
  private readonly words: Int32Array;
  private readonly first: number;
  private readonly ticketAt: number;
  private readonly loggedAt: number;

  constructor(
    control: ControlColumns,
    id: CpuId,
    private readonly capacity: number,
  ) {
    this.words = control.log.entry.mem.words;
    this.first = control.log.entry.at(id);
    this.ticketAt = control.run.ticket.at(0);
    this.loggedAt = control.board.logged.at(id);
  }

  /** A point was passed, or a wait ended: the step behind it comes next. */
  passed(at: Point): void {
    this.push(LOG_RUN, at);
  }

  /** The running step took a lock: it comes after whatever released it. */
  acquired(): void {
    const last = this.length - 1;
    if (last >= 0 && last < this.capacity) {
      const at = this.first + last;
      this.words[at] = this.ticket() | (this.words[at] & ((1 << LOW_BITS) - 1));
    }
  }

  /** Takes back the entry of the step announced last: something else comes before it. `passed` will enter it again. */
  retract(): void {
    // behind a rest the step was announced in the round before
    if (this.length > 0) this.length--;
  }

  /** The CPU takes an interrupt. */
  delivered(vector: number): void {
    this.push(LOG_DELIVER + vector, START);
  }

  /** Hardware does this; the step announced last, if any, was retracted. */
  acts(action: AdversaryAction): void {
    this.push(LOG_ACTS, action);
    this.push(LOG_ACTS_HIGH, action >>> POINT_BITS);
  }

  /** A new round begins; all entries of the last one are forgotten. Called while every CPU rests. */
  clear(): void {
    this.length = 0;
    this.words[this.loggedAt] = 0;
  }

  private push(kind: number, what: number): void {
    if (this.length < this.capacity) {
      const low = what & ((1 << POINT_BITS) - 1);
      this.words[this.first + this.length] = this.ticket() | (low << KIND_BITS) | kind;
    }
    this.length++;
    this.words[this.loggedAt] = this.length;
  }

  private ticket(): number {
    return Atomics.add(this.words, this.ticketAt, 1) << LOW_BITS;
  }
}
