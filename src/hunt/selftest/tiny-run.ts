/** A tiny program that runs: its state, and an execution of it as strategies see one. */
import { type Choice, choice, choiceCpu, RUN } from '../../engine/choice.ts';
import type { CpuId } from '../../hardware/types.ts';
import { NOWHERE, type Word } from '../../memory/memory.ts';
import type { Footprint } from '../../memory/step-record.ts';
import type { TinyOp, TinyProgram, TinyTerm } from '../../program/tiny-program.ts';
import type { Run, Strategy } from '../strategies/strategy.ts';

export class TinyState {
  constructor(
    readonly program: TinyProgram,
    /** Per thread, the event that comes next. */
    readonly next: number[] = program.threads.map(() => 0),
    readonly words: number[] = [...program.words],
    readonly registers: readonly number[][] = program.threads.map(() => []),
  ) {}

  clone(): TinyState {
    return new TinyState(
      this.program,
      [...this.next],
      [...this.words],
      this.registers.map((r) => [...r]),
    );
  }

  /** The event that the thread is about to have; undefined if it has ended. */
  pending(thread: number): TinyOp | undefined {
    return this.program.threads[thread][this.next[thread]];
  }
  enabled(): number[] {
    const threads: number[] = [];
    for (let thread = 0; thread < this.next.length; thread++) if (this.pending(thread)) threads.push(thread);
    return threads;
  }

  step(thread: number): void {
    const op = this.pending(thread) as TinyOp;
    const registers = this.registers[thread];
    this.next[thread]++;
    if (op.do === 'write') {
      this.words[op.word] = op.value + (op.register === undefined ? 0 : (registers[op.register] ?? 0));
    } else if (op.do === 'read') {
      registers[op.into] = this.words[op.word];
      if (this.words[op.word] === op.until) this.next[thread] = this.program.threads[thread].length;
    }
  }

  isHit(): boolean {
    return this.program.forbidden.some((terms) => terms.every((term) => this.holds(term)));
  }

  /** What the future depends on. */
  key(): string {
    return `${this.next} ${this.words} ${this.registers.join(';')}`;
  }

  private holds({ thread, at, value }: TinyTerm): boolean {
    return (thread < 0 ? this.words[at] : (this.registers[thread][at] ?? 0)) === value;
  }
}

/** The word of an event, or NOWHERE. */
export function wordOf(op: TinyOp | undefined): Word {
  return op === undefined || op.do === 'idle' ? NOWHERE : (op.word as Word);
}

/** How an execution went. */
export interface TinyOutcome {
  readonly hit: boolean;
  /** The threads in the order of their events. */
  readonly order: string;
  /** The strategy gave it up. */
  readonly stopped: boolean;
}

export class TinyRun implements Run {
  choices: Choice[] = [];
  steps = 0;
  readonly cpus: number;
  private state: TinyState;
  private last: TinyOp = { do: 'idle' };

  constructor(private readonly program: TinyProgram) {
    this.cpus = program.threads.length;
    this.state = new TinyState(program);
  }

  /** One execution; the strategy has begun it. */
  execute(strategy: Strategy): TinyOutcome {
    this.state = new TinyState(this.program);
    this.steps = 0;
    let order = '';
    let stopped = false;
    for (this.findChoices(); this.choices.length > 0; this.findChoices()) {
      const c = strategy.choose(this);
      stopped = c < 0;
      if (stopped) break;
      const thread = choiceCpu(c as Choice);
      this.last = this.state.pending(thread) as TinyOp;
      this.state.step(thread);
      this.steps++;
      order += thread;
    }
    strategy.end?.(this);
    return { hit: !stopped && this.state.isHit(), order, stopped };
  }

  announced(c: Choice): Word {
    return wordOf(this.state.pending(choiceCpu(c)));
  }
  mayWrite(c: Choice): boolean {
    return this.state.pending(choiceCpu(c))?.do === 'write';
  }
  lastWrote(): boolean {
    return this.last.do === 'write';
  }
  footprint(): Footprint {
    const word = wordOf(this.last);
    return word === NOWHERE ? [] : [word * 2 + (this.lastWrote() ? 1 : 0)];
  }
  /** Every event is an operation of its own. */
  operationOf(thread: CpuId): number {
    return this.state.next[thread] * this.cpus + thread;
  }
  isInterrupted(): boolean {
    return false;
  }
  holdsStale(): boolean {
    return false;
  }
  hasReached(): boolean {
    return false;
  }
  isInPatch(): boolean {
    return false;
  }
  hardwareActions(): number {
    return 0;
  }
  timelyWalks(): number {
    return 0;
  }
  tickChoice(): -1 {
    return -1;
  }

  private findChoices(): void {
    this.choices = this.state.enabled().map((thread) => choice(RUN, thread));
  }
}
