/**
 * The order that a replay keeps between threads. Calls of one thread stay in their order. A call waits for a call of
 * another thread only where both touch the same pages of one address space and the log shows which came first; a new
 * thread waits for the call that created it. Everything else is free: a partial order that the schedules explore.
 */
import type { Op } from '../program/program.ts';

/** One call as it will be replayed. */
export interface Step {
  readonly thread: number;
  /** Position among the steps of its thread. A thread here is a row of `TraceReplay.tasks`. */
  readonly index: number;
  /** Lines of the log. */
  readonly line: number;
  readonly endLine: number;
  /** Flags it waits for, and the flag it posts when it has ended. */
  readonly awaits: string[];
  flag: string | undefined;
  readonly ops: Op[];
}

/** For each thread, the index of its last step known to have ended. */
type Clock = ReadonlyMap<number, number>;

export class Order {
  private readonly steps = new Map<number, Step[]>();
  private readonly clocks = new Map<number, Clock>();
  private readonly clockOf = new Map<Step, Clock>();
  private nrFlags = 0;
  private nrKept = 0;

  get flags(): number {
    return this.nrFlags;
  }

  /** Waits between threads, without those that follow from others. */
  get kept(): number {
    return this.nrKept;
  }

  /** Begins the next step of a thread. Its operations are added by the caller. */
  begin(thread: number, line: number, endLine: number): Step {
    const own = this.steps.get(thread) ?? [];
    this.steps.set(thread, own);
    const step: Step = { thread, index: own.length, line, endLine, awaits: [], flag: undefined, ops: [] };
    own.push(step);
    return step;
  }

  /** Makes a step wait for an earlier one, unless it already does through others. */
  after(step: Step, earlier: Step): void {
    if (this.isAfter(step, earlier)) return;
    earlier.flag ??= `f${this.nrFlags++}`;
    step.awaits.push(earlier.flag);
    this.nrKept++;
    const clock = new Map(this.clock(step.thread));
    for (const [thread, index] of this.clockOf.get(earlier) ?? [])
      clock.set(thread, Math.max(index, clock.get(thread) ?? -1));
    clock.set(earlier.thread, Math.max(earlier.index, clock.get(earlier.thread) ?? -1));
    this.clocks.set(step.thread, clock);
  }

  isAfter(step: Step, earlier: Step): boolean {
    return step.thread === earlier.thread || (this.clock(step.thread).get(earlier.thread) ?? -1) >= earlier.index;
  }

  /** To be called when everything the step waits for is known. */
  end(step: Step): void {
    this.clockOf.set(step, this.clock(step.thread));
  }

  /** The operations of a thread, with its waits and posts. */
  opsOf(thread: number): Op[] {
    return (this.steps.get(thread) ?? []).flatMap((s) => [
      ...s.awaits.map((flag): Op => ({ do: 'await', flag })),
      ...s.ops,
      ...(s.flag === undefined ? [] : [{ do: 'post', flag: s.flag } as const]),
    ]);
  }

  private clock(thread: number): Clock {
    return this.clocks.get(thread) ?? new Map();
  }
}
