/**
 * A logical CPU as the code running on it sees it. It is a handle: a task that is preempted and moved finds the same
 * object naming another CPU afterwards, as `smp_processor_id()` would; so `id` must not be kept across a point at which
 * the task can be preempted.
 */
import type { Memory, Word } from '../memory/memory.ts';
import { NOWHERE } from '../memory/memory.ts';
import { START, type Point } from '../memory/point.ts';
import type { Columns } from '../memory/table.ts';
import type { CostProfile } from './costs.ts';
import type { Geometry } from './geometry.ts';
import type { HardwareObserver } from './observer.ts';
import type { MachineSwitches } from './switches.ts';
import type { APIC, COUNTERS, FRAME, PSC, REGS, TLB, WALK } from './tables.ts';
import type { CpuId, Pcid, Pfn, TlbSlot, Vpn } from './types.ts';

type Of<T> = T extends { fields: infer F; row?: infer R } ? Columns<Extract<R, number>, F> : never;

/** The columns of the hardware's tables, bound to one memory; all CPUs of an isolate share them. */
export interface HardwareColumns {
  readonly regs: Of<typeof REGS>;
  readonly tlb: Of<typeof TLB>;
  readonly psc: Of<typeof PSC>;
  readonly walk: Of<typeof WALK>;
  readonly apic: Of<typeof APIC>;
  readonly frame: Of<typeof FRAME>;
  readonly count: Of<typeof COUNTERS>;
}

/** How the engine that runs a CPU answers at a point. */
export interface Pace {
  /** True in the stepper: every point yields. */
  readonly stepping: boolean;
  /** In `threads`: is an interrupt due, or does chaos strike here? Reads plain words only. */
  due(cpu: LogicalCpu): boolean;
}

export class LogicalCpu {
  /** The point this CPU stands at. */
  point: Point = START;
  /** The contended word the path touches next, or NOWHERE. */
  word: Word = NOWHERE;
  /** Set while waiting: not runnable while `word` still holds `waitSeen`. */
  waiting = false;
  waitSeen = 0;
  /** Ghost observer, or undefined when running without the oracle. */
  observer: HardwareObserver | undefined = undefined;

  constructor(
    public id: CpuId,
    readonly mem: Memory,
    readonly geometry: Geometry,
    readonly switches: MachineSwitches,
    readonly costs: CostProfile,
    readonly hw: HardwareColumns,
    readonly pace: Pace,
  ) {}

  /**
   * Announces a race window: `point` says what is true now, `word` what the path touches next. Use it as
   * `if (cpu.at(POINT, word)) yield;`.
   */
  at(point: Point, word: Word): boolean {
    this.point = point;
    this.word = word;
    return this.pace.stepping || this.pace.due(this);
  }

  /**
   * Waits without spinning: `yield cpu.waitWhile(POINT, word, seen)` resumes when the word no longer holds `seen`. The
   * step that follows may touch `word`. Another CPU may already have changed it again: callers recheck.
   */
  waitWhile(point: Point, word: Word, seen: number): undefined {
    this.point = point;
    this.word = word;
    this.waiting = true;
    this.waitSeen = seen;
    return undefined;
  }

  /** Adds `cycles` to this CPU's clock. */
  spend(cycles: number): void {
    const { regs } = this.hw;
    regs.cycles.put(this.id, (regs.cycles.own(this.id) + cycles) | 0);
  }

  // the pieces below are declared here and live in their own files; see tlb.ts, walker.ts, apic.ts
}

export type { Pcid, Pfn, TlbSlot, Vpn };
