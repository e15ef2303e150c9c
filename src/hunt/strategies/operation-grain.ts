/**
 * The coarse grain of a schedule: whole operations. One that cannot end without others (acknowledgements, a sleep) lets them go
 * on until it can: interrupts are handled first, and only then does another operation begin.
 */
import { type Choice, choiceCpu, choiceKind, DELIVER, RUN } from '../../engine/choice.ts';
import type { CpuId } from '../../hardware/types.ts';
import type { Random } from '../random.ts';
import type { Run } from './strategy.ts';

/** An operation under way: the CPU that it is on, and its name. */
interface UnderWay {
  readonly cpu: CpuId;
  readonly operation: number;
}

/** How the operations of a run treat each other. */
export interface Manners {
  /** One that had to wait goes on as soon as it can, in the midst of the one that let it: the moment at which a lock is free. */
  readonly eager: boolean;
  /** A CPU that has ended an operation begins its next one, if it has one, before others do. */
  readonly steady: boolean;
  /** CPUs, by the bits of their numbers (from 32 on the same again), that take interrupts only where they have nothing else to do. */
  readonly late: number;
}

const PLAIN: Manners = { eager: false, steady: false, late: 0 };

export class OperationGrain {
  current: UnderWay | undefined;
  /** Those that had to wait, the latest last. */
  private readonly waiting: UnderWay[] = [];
  /** The CPU that handles an interrupt which the operation waits for. */
  private helper: CpuId | undefined;
  private manners = PLAIN;

  constructor(private readonly random: Random) {}

  begin(manners = PLAIN): void {
    this.manners = manners;
    this.waiting.length = 0;
    this.leave();
  }

  /** What the operation under way goes on with, out of `open`; -1 if none is, or it waits for another one. */
  within(run: Run, open: readonly Choice[]): number {
    if (this.manners.eager) this.resumeWaiting(run, open);
    const { current } = this;
    if (current === undefined || run.operationOf(current.cpu) !== current.operation) return -1;
    const own = this.choiceOf(open, current.cpu);
    if (own !== undefined) return own;
    // what was begun on another CPU for this operation's sake goes on first, to its end
    const { helper } = this;
    const helps = helper !== undefined && run.isInterrupted(helper);
    const helped = helps ? open.find((c) => choiceCpu(c) === helper && isRun(c)) : undefined;
    if (helped !== undefined) return helped;
    const deliveries = open.filter((c) => choiceKind(c) === DELIVER);
    if (deliveries.length === 0) return -1;
    const picked = deliveries[this.random.below(deliveries.length)];
    this.helper = choiceCpu(picked);
    return picked;
  }

  /** Is the operation of that name under way? */
  isIn(run: Run, operation: number): boolean {
    return this.current?.operation === operation && run.operationOf(this.current.cpu) === operation;
  }

  /** One of `open`, drawn: the operation that its CPU is in, or begins, is under way from now on. */
  start(run: Run, open: readonly Choice[]): Choice {
    const last = this.current;
    if (last !== undefined && run.operationOf(last.cpu) === last.operation) this.waiting.push(last);
    const onTime = open.filter((c) => isRun(c) || !this.isLate(choiceCpu(c)));
    const among = onTime.length > 0 ? onTime : open;
    const steady = this.manners.steady && last ? among.find((c) => choiceCpu(c) === last.cpu) : undefined;
    const picked = steady ?? among[this.random.below(among.length)];
    const cpu = choiceCpu(picked);
    this.current = { cpu, operation: run.operationOf(cpu) };
    this.helper = undefined;
    return picked;
  }

  /** No operation is under way. */
  leave(): void {
    this.current = undefined;
    this.helper = undefined;
  }

  private resumeWaiting(run: Run, open: readonly Choice[]): void {
    const { waiting } = this;
    for (let i = waiting.length - 1; i >= 0; i--) {
      const { cpu, operation } = waiting[i];
      const hasEnded = run.operationOf(cpu) !== operation;
      if (!hasEnded && !open.some((c) => choiceCpu(c) === cpu && isRun(c))) continue;
      const [resumed] = waiting.splice(i, 1);
      if (hasEnded || cpu === this.current?.cpu) continue;
      this.current = resumed;
      this.helper = undefined;
      return;
    }
  }

  /** An event of that CPU, if it has one: its interrupt first, unless it takes them late. */
  private choiceOf(choices: readonly Choice[], cpu: CpuId): Choice | undefined {
    const own = choices.filter((c) => choiceCpu(c) === cpu);
    const isWanted = this.isLate(cpu) ? isRun : (c: Choice): boolean => choiceKind(c) === DELIVER;
    return own.find(isWanted) ?? own[0];
  }

  private isLate(cpu: CpuId): boolean {
    return ((this.manners.late >>> cpu) & 1) !== 0;
  }
}

function isRun(c: Choice): boolean {
  return choiceKind(c) === RUN;
}
