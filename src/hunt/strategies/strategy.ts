/** How a hunt picks schedules: start an execution or stop, choose the next event, learn how it ended. */
import { type Choice, choiceCpu, choiceKind, RUN } from '../../engine/choice.ts';
import type { CpuId } from '../../hardware/types.ts';
import type { Word } from '../../memory/memory.ts';
import type { Footprint } from '../../memory/step-record.ts';

/** What a strategy sees of an execution: the events that exist now, and what they are about to touch. */
export interface Run {
  /** In the order of CPUs; never empty when a strategy is asked. */
  readonly choices: readonly Choice[];
  /** Events since the start. */
  readonly steps: number;
  readonly cpus: number;
  /** The contended word that the event touches, or NOWHERE. */
  announced(c: Choice): Word;
  /** Could the event write that word? */
  mayWrite(c: Choice): boolean;
  /** Did the last event write the word it announced? */
  lastWrote(): boolean;
  /** Every word that the last event read or wrote; a machine knows it only if it keeps a record. */
  footprint(): Footprint;
  /** Names the operation that the CPU is about to begin, or is in: another number when another one has its turn. */
  operationOf(cpu: CpuId): number;
  /** Does the CPU handle an interrupt, on top of the operation that it is in? */
  isInterrupted(cpu: CpuId): boolean;
  /** Does some TLB, or paging-structure cache, hold an entry that is older than the page tables? The moments at which a flush is due, or missed. */
  holdsStale(): boolean;
  /** Has the operation that the CPU is in come by a routine that the hunt is directed at, if it is? */
  hasReached(cpu: CpuId): boolean;
  /** Is the CPU in the midst of a routine that the hunt is directed at, if it is? */
  isInPatch(cpu: CpuId): boolean;
  /** Lists in `into` what the hardware of a CPU may do on its own, and returns how much that is. */
  hardwareActions(cpu: CpuId, into: number[]): number;
  /** Lists in `into` choices by which hardware would cache what the next events may change, and returns how many there are. */
  timelyWalks(into: number[]): number;
  /** The timer of that CPU fires; -1 if its interrupt is pending already. */
  tickChoice(cpu: CpuId): Choice | -1;
}

export interface Strategy {
  readonly name: string;
  /** Starts an execution; false when every schedule the strategy wants has been run. */
  begin(run: Run): boolean;
  /**
   * One of `run.choices`, or an action of the adversary; -1 gives the execution up. Called at every step, also when there
   * is one choice only.
   */
  choose(run: Run): number;
  /** The execution has ended. */
  end?(run: Run): void;
  /** Figures for the report, by name. */
  figures?(): Readonly<Record<string, number>>;
}

/** Actions that hardware may take on its own, per execution. */
export interface AdversaryBudget {
  /** Evictions, speculative walks, over-invalidations. */
  readonly actions: number;
  readonly ticks: number;
}

/** Steps that a strategy directs; behind them CPUs go on in turn, so that a starved CPU is never taken for a livelock. */
export const FAIR_AFTER = 5_000;

/** The strategy's choice, or after very many steps a fair one. */
export function chooseFairly(strategy: Strategy, run: Run): number {
  return run.steps < FAIR_AFTER ? strategy.choose(run) : fairChoice(run);
}

/** All in turn. */
export function fairChoice({ steps, choices }: Pick<Run, 'steps' | 'choices'>): Choice {
  // the turn shifts now and then: a loop of as many steps as there are turns would else meet the same one for ever
  return choices[(steps + (steps >>> 8)) % choices.length];
}

/**
 * Threads in the sense of the testing literature: the path of each CPU, and what comes about beside it: the delivery of its
 * interrupts, and its store buffer where it has one.
 */
export function threadOf(c: Choice): number {
  return choiceCpu(c) * 2 + (choiceKind(c) === RUN ? 0 : 1);
}
export function threadsOf(run: Run): number {
  return run.cpus * 2;
}
