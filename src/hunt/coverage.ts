/** What a hunt has seen: pairs of points at which two CPUs stood when one of them touched a word another had announced. */
import { type Choice, choiceCpu } from '../engine/choice.ts';
import type { Stepper } from '../engine/stepper.ts';
import type { CpuId } from '../hardware/types.ts';
import { NOWHERE } from '../memory/memory.ts';
import { pointLabels } from '../memory/point.ts';

export interface CoverageSummary {
  /** Points at which some CPU stood. */
  readonly points: number;
  /** Pairs of points whose CPUs were about to touch the same word, in the order in which they did. */
  readonly conflicts: number;
  /** Of these pairs, how many were first seen in the last tenth of the schedules. */
  readonly newInLastTenth: number;
}

export class Coverage {
  private readonly size = pointLabels().length + 1;
  private readonly seen = new Uint8Array(this.size);
  /** Number of the schedule that saw the pair (first, second) first; 0: not seen. */
  private readonly firstSeen = new Uint32Array(this.size * this.size);
  private schedule = 0;
  /** Pairs seen so far. */
  pairs = 0;

  /** A new schedule begins. */
  begin(): void {
    this.schedule++;
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
      const pair = point * this.size + there.point;
      if (this.firstSeen[pair] !== 0) continue;
      this.firstSeen[pair] = this.schedule;
      this.pairs++;
    }
  }

  summary(): CoverageSummary {
    const since = this.schedule * 0.9;
    const pairs = this.firstSeen.filter((first) => first > 0);
    return {
      points: this.seen.reduce((sum, one) => sum + one, 0),
      conflicts: pairs.length,
      newInLastTenth: pairs.filter((first) => first > since).length,
    };
  }
}
