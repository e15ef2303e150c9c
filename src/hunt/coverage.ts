/**
 * What a hunt has seen: pairs of points at which two CPUs stood when one of them touched a word another had announced, and states
 * of what is owed.
 */
import { type Choice, choiceCpu } from '../engine/choice.ts';
import type { Stepper } from '../engine/stepper.ts';
import type { CpuId } from '../hardware/types.ts';
import { NOWHERE, type Word } from '../memory/memory.ts';
import { pointLabels } from '../memory/point.ts';
import type { LedgerStates } from './ledger-states.ts';

export interface CoverageSummary {
  /** Points at which some CPU stood. */
  readonly points: number;
  /** Pairs of points whose CPUs were about to touch the same word, in the order in which they did. */
  readonly conflicts: number;
  /** States of the ledger of flushes put off. */
  readonly ledgerStates: number;
  /** Of the pairs, how many were first seen in the last tenth of the schedules; of the states the same. */
  readonly newInLastTenth: number;
  readonly newStatesInLastTenth: number;
}

/** What was seen, as data: numbers of points are valid for one version of the tool only. */
export interface CoveragePlace {
  readonly schedule: number;
  readonly points: readonly number[];
  readonly pairs: readonly (readonly [pair: number, first: number])[];
  readonly states: readonly (readonly [state: number, first: number])[];
}

/** Steps between two looks at a ledger that nobody seems to write. */
const LOOK_EVERY = 64;

export class Coverage {
  private readonly labels = pointLabels().length + 1;
  private readonly seen = new Uint8Array(this.labels);
  /** Number of the schedule that saw the pair (first, second) first; 0: not seen. */
  private readonly firstSeen = new Uint32Array(this.labels * this.labels);
  private readonly states = new Map<number, number>();
  private schedule = 0;
  /** Pairs seen so far. */
  pairs = 0;

  /** All that was seen so far: it grows with every new pair and every new state. */
  get size(): number {
    return this.pairs + this.states.size;
  }

  /** A new schedule begins. */
  begin(): void {
    this.schedule++;
  }

  /** The step announced at `word` was taken. A batch is its task's own, announced by nobody: it is looked at now and then. */
  stepped(stepper: Stepper, word: Word, ledger: LedgerStates): void {
    if (stepper.steps % LOOK_EVERY !== 0 && (word === NOWHERE || !ledger.has(word))) return;
    const state = ledger.state(stepper);
    if (!this.states.has(state)) this.states.set(state, this.schedule);
  }

  /** The CPU of `c` is about to take its step. */
  step(stepper: Stepper, c: Choice): void {
    const id = choiceCpu(c);
    const { point, word } = stepper.cpuAt(id);
    this.seen[point] = 1;
    if (word === NOWHERE) return;
    const { cpus } = stepper.machine.geometry;
    for (let other = 0; other < cpus; other++) {
      if (other === id) continue;
      const there = stepper.cpuAt(other as CpuId);
      if (there.word !== word) continue;
      const pair = point * this.labels + there.point;
      if (this.firstSeen[pair] !== 0) continue;
      this.firstSeen[pair] = this.schedule;
      this.pairs++;
    }
  }

  summary(): CoverageSummary {
    const since = this.schedule * 0.9;
    const firsts = this.firstSeen.filter((first) => first > 0);
    const states = [...this.states.values()];
    return {
      points: this.seen.reduce((sum, one) => sum + one, 0),
      conflicts: firsts.length,
      ledgerStates: states.length,
      newInLastTenth: firsts.filter((first) => first > since).length,
      newStatesInLastTenth: states.filter((first) => first > since).length,
    };
  }

  place(): CoveragePlace {
    const { firstSeen } = this;
    const pairs: [number, number][] = [];
    for (let pair = 0; pair < firstSeen.length; pair++) if (firstSeen[pair] > 0) pairs.push([pair, firstSeen[pair]]);
    const points = [...this.seen.keys()].filter((point) => this.seen[point] === 1);
    return { schedule: this.schedule, points, pairs, states: [...this.states] };
  }

  /** Takes over what another hunt of the same model had seen. */
  goOn({ schedule, points, pairs, states }: CoveragePlace): void {
    this.schedule = schedule;
    for (const point of points) this.seen[point] = 1;
    for (const [pair, first] of pairs) this.firstSeen[pair] = first;
    for (const [state, first] of states) this.states.set(state, first);
    this.pairs = pairs.length;
  }
}
