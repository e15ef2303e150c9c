/**
 * A logical CPU as the code running on it sees it. It is a handle: a task that is preempted and moved finds the same
 * object naming another CPU afterwards, as `smp_processor_id()` would; so `id` must not be kept across a point at which
 * the task can be preempted.
 */
import type { Memory, Word } from '../memory/memory.ts';
import { NOWHERE } from '../memory/memory.ts';
import { type Point, START } from '../memory/point.ts';
import type { Column, Columns, Table } from '../memory/table.ts';
import type { CostProfile } from './costs.ts';
import type { Geometry } from './geometry.ts';
import type { HardwareObserver } from './observer.ts';
import type { MachineSwitches } from './switches.ts';
import { type HARDWARE_TABLES, tlbHints } from './tables.ts';
import type { CpuId, PteHi, Vpn } from './types.ts';

type ColumnsOf<T> = T extends Table<infer R, infer _S, infer F> ? Columns<R, F> : never;

/** The columns of the hardware's tables, bound to one memory; all CPUs of an isolate share them. */
export type HardwareColumns = { readonly [K in keyof typeof HARDWARE_TABLES]: ColumnsOf<(typeof HARDWARE_TABLES)[K]> };

/** How the engine that runs a CPU answers at a point. */
export interface Pace {
  /** True in the stepper: every point yields. */
  readonly stepping: boolean;
  /** In `threads`: is an interrupt due, or does chaos strike here? Reads plain words only. */
  due(cpu: LogicalCpu): boolean;
  /** An interrupt was just sent to `target`: in `threads`, wake it if it sleeps. */
  kicked?(target: CpuId): void;
}

export class LogicalCpu {
  /** The CPU this handle names now; changed by `bind` only. */
  id!: CpuId;
  /** The point this CPU stands at. */
  point: Point = START;
  /** The contended word the path touches next, or NOWHERE. */
  word: Word = NOWHERE;
  /** Set while waiting: not runnable while `word` still holds `waitSeen`. */
  waiting = false;
  waitSeen = 0;
  /** In the stepper, while the path goes where it went before: `due` says at which points it yields. */
  retraces = false;
  /** Ghost observer, or undefined when running without the oracle. */
  observer: HardwareObserver | undefined = undefined;

  /** What the last access loaded, or stored. */
  loaded = 0;
  /** x86 error code of the last page fault: bit 0 P, 1 W, 2 U, 3 RSVD, 4 I (SDM 3A 4.7). */
  faultCode = 0;
  /** CR2, as a page number. */
  faultVpn = 0 as Vpn;
  /** High half of the entry that `pteLoadBoth` just read. */
  pteHi = 0 as PteHi;

  // where this CPU's rows begin, kept for the access path; valid for `id` only
  readonly words: Int32Array;
  readonly hintMask: number;
  readonly frameAt: number;
  readonly frameStride: number;
  tlbVpnAt = 0;
  tlbPcidAt = 0;
  tlbLoAt = 0;
  tlbHiAt = 0;
  tlbHintAt = 0;
  cr3PcidAt = 0;
  accessesAt: Word = NOWHERE;
  tlbHitsAt: Word = NOWHERE;
  cyclesAt: Word = NOWHERE;
  /** What a TLB hit and its data access cost. */
  readonly hitCycles: number;

  constructor(
    id: CpuId,
    readonly mem: Memory,
    readonly geometry: Geometry,
    readonly switches: MachineSwitches,
    readonly costs: CostProfile,
    readonly hw: HardwareColumns,
    readonly pace: Pace,
  ) {
    this.words = mem.words;
    this.hitCycles = costs.access + costs.tlbHit;
    this.hintMask = tlbHints(geometry) - 1;
    this.frameAt = hw.frame.words.base;
    this.frameStride = hw.frame.words.stride;
    this.bind(id);
  }

  /** What accesses and faults left here is nobody's any more: to searches it would count as something that paths know. */
  forgetAccesses(): void {
    this.loaded = 0;
    this.faultCode = 0;
    this.faultVpn = 0 as Vpn;
    this.pteHi = 0 as PteHi;
  }

  /** Makes this handle name another CPU: its task was moved there. */
  bind(id: CpuId): void {
    const { tlb, regs, count } = this.hw;
    this.id = id;
    this.tlbVpnAt = tlb.vpn.at(id);
    this.tlbPcidAt = tlb.pcid.at(id);
    this.tlbLoAt = tlb.lo.at(id);
    this.tlbHiAt = tlb.hi.at(id);
    this.tlbHintAt = tlb.hint.at(id);
    this.cr3PcidAt = regs.cr3Pcid.at(id);
    this.accessesAt = count.accesses.at(id);
    this.tlbHitsAt = count.tlbHits.at(id);
    this.cyclesAt = regs.cycles.at(id);
  }

  /**
   * Announces a race window: `point` says what is true now, `word` what the path touches next. Use it as
   * `if (cpu.at(POINT, word)) yield;`.
   */
  at(point: Point, word: Word): boolean {
    this.point = point;
    this.word = word;
    return (this.pace.stepping && !this.retraces) || this.pace.due(this);
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
    if (cycles === 0) return;
    const { cycles: clock } = this.hw.regs;
    clock.put(this.id, (clock.own(this.id) + cycles) | 0);
  }

  /** Adds one to a counter of this CPU. */
  count(counter: Column<CpuId>): void {
    counter.put(this.id, counter.own(this.id) + 1);
  }
}
