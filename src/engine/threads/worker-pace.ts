/**
 * How a CPU that is a thread answers at points: it goes on unless an interrupt is due, the engine wants it, or something is
 * to be injected. Injected are delays (chaos: short ones anywhere; a named one at one point), actions of the hardware, timer
 * ticks, and the breath that lets other CPUs have the core.
 */
import { type AdversaryAction, adversaryActions, adversaryPerform } from '../../hardware/adversary.ts';
import type { LogicalCpu, Pace } from '../../hardware/logical-cpu.ts';
import { isHalted } from '../../hardware/startup.ts';
import { type CpuId, VECTOR_TIMER, type Vpn } from '../../hardware/types.ts';
import type { Cpu } from '../../kernel/cpu.ts';
import { type Point, START } from '../../memory/point.ts';
import type { PointHooks } from '../machine.ts';
import type { RoundLog } from './rounds-log.ts';
import { type ControlColumns, STOP_NOW } from './worker-tables.ts';
import type { WakeBoard } from './worker-wake.ts';

/** What is injected into a run. Everything that is drawn is drawn from the seed. */
export interface Injection {
  readonly seed: number;
  /** Probability that a point is followed by a short delay or an action of the hardware; 0 to 1. */
  readonly chaos: number;
  /** Every visit of this point takes so many microseconds more. */
  readonly delay?: { readonly point: Point; readonly micros: number };
  /** Points between two timer interrupts, on average; 0: no timer. */
  readonly tickEvery: number;
  /** More CPUs than cores: give the core away now and then. */
  readonly breathes: boolean;
}

const NEVER = 0x7fffffff;
/** Points between two looks at the clock: at most some tens of microseconds. */
const BREATH_LOOK = 512;
const BREATH_MS = 0.5;
const BREATH_SLEEP_MS = 0.001;
/** A delay of at least this many microseconds gives the core to others. */
const SLEEPING_DELAY = 50;
/** One Atomics.load takes 8 ns: chaos delays of 0.1 to 1 us. */
const CHAOS_SHORTEST = 12;
const CHAOS_SPREAD = 112;

export class WorkerPace implements Pace {
  readonly stepping = false;
  /** The point at which the running path stood last: where its present step began. */
  left: Point = START;
  log: RoundLog | undefined = undefined;

  private credit = 1;
  private granted = 1;
  private chaosIn: number;
  private tickIn: number;
  private breathIn = NEVER;
  private breathed = 0;
  private random: number;
  private readonly actions: number[] = [];
  private readonly board: Int32Array;
  private readonly image: Int32Array;
  private hooked = false;
  private readonly before = new Set<Point>();
  private readonly after = new Set<Point>();
  private readonly resting: Uint8Array;
  private readonly pointAt: number;
  private readonly pointsAt: number;
  private readonly askedAt: number;
  private readonly roundsAt: number;
  private readonly stopAt: number;
  private irrAt = 0;
  private irqOffAt = 0;

  /**
   * @param restPoints the points at which a CPU may come to rest
   * @param now a clock in milliseconds
   */
  constructor(
    private readonly id: CpuId,
    control: ControlColumns,
    image: Int32Array,
    private readonly wakes: WakeBoard,
    private readonly injection: Injection,
    restPoints: readonly Point[],
    private readonly now: () => number,
  ) {
    const { board, run } = control;
    this.board = board.point.mem.words;
    this.image = image;
    this.pointAt = board.point.at(id);
    this.pointsAt = board.points.at(id);
    this.askedAt = run.asked.at(0);
    this.roundsAt = run.rounds.at(0);
    this.stopAt = run.stop.at(0);
    this.resting = new Uint8Array(Math.max(...restPoints) + 1);
    for (const p of restPoints) this.resting[p] = 1;
    this.random = (Math.imul(injection.seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(id + 1, 0xc2b2ae35)) | 1;
    this.breathed = now();
    this.chaosIn = this.chaosGap();
    this.tickIn = this.tickGap();
    if (injection.breathes) this.breathIn = BREATH_LOOK;
    this.grant();
  }

  /** Binds the pace to the words of its CPU and to the hooks of its machine. */
  attach(cpu: LogicalCpu, hooks: ReadonlyMap<Point, PointHooks>): void {
    this.irrAt = cpu.hw.apic.irr.at(this.id);
    this.irqOffAt = cpu.hw.regs.irqOff.at(this.id);
    this.hooked = hooks.size > 0;
    for (const [at, hook] of hooks) {
      if (hook.before) this.before.add(at);
      if (hook.after) this.after.add(at);
    }
  }

  due(cpu: LogicalCpu): boolean {
    const { board, image } = this;
    const { point } = cpu;
    board[this.pointAt] = point;
    board[this.pointsAt]++;
    if (this.log !== undefined) this.log.passed(point);
    if (--this.credit <= 0) return true;
    if (image[this.irrAt] !== 0 && image[this.irqOffAt] === 0) return true;
    if (this.injection.delay !== undefined && this.injection.delay.point === point) return true;
    if (board[this.askedAt] !== board[this.roundsAt] && this.resting[point] === 1) return true;
    if (this.hooked) {
      if (this.before.has(point) || this.after.has(this.left)) return true;
      this.left = point;
    }
    return board[this.stopAt] === STOP_NOW;
  }

  kicked(target: CpuId): void {
    this.wakes.kicked(target);
  }

  /** Is an interrupt pending that this CPU may take now? */
  interrupted(): boolean {
    return this.image[this.irrAt] !== 0 && this.image[this.irqOffAt] === 0;
  }

  /** The CPU stands at a point at which `due` stopped it: injects what is due. `pages` are worth a speculative walk. */
  inject(cpu: Cpu, pages: readonly Vpn[]): void {
    // the step that was announced comes behind what is injected
    if (cpu.point !== START) this.log?.retract();
    this.injectDue(cpu, pages);
    if (cpu.point !== START) this.log?.passed(cpu.point);
  }

  private injectDue(cpu: Cpu, pages: readonly Vpn[]): void {
    const { delay } = this.injection;
    if (delay !== undefined && delay.point === cpu.point) this.delay(delay.micros);
    if (this.credit > 0) return;
    this.chaosIn -= this.granted;
    this.tickIn -= this.granted;
    this.breathIn -= this.granted;
    if (this.chaosIn <= 0) {
      if (this.injection.chaos > 0) this.strike(cpu, pages);
      this.chaosIn = this.chaosGap();
    }
    if (this.tickIn <= 0) {
      this.tick(cpu);
      this.tickIn = this.tickGap();
    }
    if (this.breathIn <= 0) {
      if (this.injection.breathes) this.breathe();
      this.breathIn = this.injection.breathes ? BREATH_LOOK : NEVER;
    }
    this.grant();
  }

  /** Raises this CPU's own timer interrupt, if it runs. */
  tick(cpu: LogicalCpu): void {
    if (!isHalted(cpu) && this.injection.tickEvery > 0) cpu.hw.apic.irr.or(this.id, 1 << VECTOR_TIMER);
  }

  private grant(): void {
    this.granted = Math.min(this.chaosIn, this.tickIn, this.breathIn);
    this.credit = this.granted;
  }

  private strike(cpu: Cpu, pages: readonly Vpn[]): void {
    if ((this.draw() & 3) === 0) {
      const n = adversaryActions(cpu, pages, this.actions);
      if (n === 0) return;
      const action = this.actions[this.draw() % n] as AdversaryAction;
      this.log?.acts(action);
      adversaryPerform(cpu, action);
      return;
    }
    const polls = CHAOS_SHORTEST + (this.draw() % CHAOS_SPREAD);
    for (let i = 0; i < polls; i++) Atomics.load(this.board, this.stopAt);
  }

  private delay(micros: number): void {
    if (micros >= SLEEPING_DELAY) {
      this.sleep(micros / 1000);
      return;
    }
    const until = this.now() + micros / 1000;
    while (this.now() < until);
  }

  /** Lets other threads have the core for a moment, if this one has had it for long. */
  private breathe(): void {
    if (this.now() - this.breathed < BREATH_MS) return;
    this.sleep(BREATH_SLEEP_MS);
    this.breathed = this.now();
  }

  private sleep(ms: number): void {
    const { wakes, board } = this;
    wakes.doze(this.id, Atomics.load(board, wakes.wakeWord(this.id)), ms);
  }

  private chaosGap(): number {
    const { chaos } = this.injection;
    return chaos > 0 ? 1 + (this.draw() % Math.max(1, Math.round(2 / chaos - 1))) : NEVER;
  }
  private tickGap(): number {
    const { tickEvery } = this.injection;
    return tickEvery > 0 ? 1 + (tickEvery >> 1) + (this.draw() % tickEvery) : NEVER;
  }

  /** Xorshift, 31 bits. */
  private draw(): number {
    let x = this.random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.random = x;
    return x >>> 1;
  }
}
