/** What the runs of a program teach about its operations: how many steps each takes, and which touch words that other CPUs touch, too. */
import { ADVERSARY, type Choice, choiceCpu, choiceKind, RUN } from '../../engine/choice.ts';
import type { CpuId } from '../../hardware/types.ts';
import { NOWHERE, type Word } from '../../memory/memory.ts';
import type { Run } from './strategy.ts';

/** Before a step of an operation: the operation has taken `step` steps, and has not ended. The interrupts of a CPU count as one operation. */
export interface Place {
  readonly operation: number;
  readonly step: number;
  /** Where the operation ran when it was last seen. */
  readonly cpu: CpuId;
  /** Some TLB held an entry older than the page tables when an operation was there. */
  readonly stale: boolean;
  /** The operation had come by a routine that the hunt is directed at. */
  readonly reached: boolean;
  /** It was in the midst of one. */
  readonly inside: boolean;
}

/** A step of an operation: its word in the latest run that came so far, and what ever was so before it. */
interface Seen {
  word: Word;
  stale: boolean;
  reached: boolean;
  inside: boolean;
}

interface Operation {
  cpu: CpuId;
  readonly steps: Seen[];
  /** Steps in this run. */
  taken: number;
}

/** The name of the interrupts that the CPU handles: no operation of a program has such a one. */
export function interruptsOf(cpu: CpuId): number {
  return -1 - cpu;
}

/** In place of the one CPU that touches a word. */
const SEVERAL = -1;

export class SharedSteps {
  private readonly operations = new Map<number, Operation>();
  private readonly touchedBy = new Map<Word, CpuId | typeof SEVERAL>();

  begin(): void {
    for (const operation of this.operations.values()) operation.taken = 0;
  }

  /** `c` is about to happen. Hardware's own acts belong to no operation. */
  step(run: Run, c: Choice): void {
    if (choiceKind(c) >= ADVERSARY) return;
    const cpu = choiceCpu(c);
    const word = run.announced(c);
    if (word !== NOWHERE) this.touchedBy.set(word, (this.touchedBy.get(word) ?? cpu) === cpu ? cpu : SEVERAL);
    if (choiceKind(c) !== RUN) return;
    const name = run.isInterrupted(cpu) ? interruptsOf(cpu) : run.operationOf(cpu);
    const operation = this.operations.get(name) ?? { cpu, steps: [], taken: 0 };
    this.operations.set(name, operation);
    operation.cpu = cpu;
    operation.steps[operation.taken] ??= { word, stale: false, reached: false, inside: false };
    const seen = operation.steps[operation.taken++];
    seen.word = word;
    seen.stale ||= run.holdsStale();
    seen.reached ||= run.hasReached(cpu);
    seen.inside ||= run.isInPatch(cpu);
  }

  /** Steps that the operation has taken in this run. */
  stepsOf(operation: number): number {
    return this.operations.get(operation)?.taken ?? 0;
  }

  /** Where an operation, begun and not ended, is about to touch a word that another CPU touches. */
  places(): Place[] {
    const places: Place[] = [];
    for (const [operation, { cpu, steps }] of this.operations) {
      for (let step = 1; step < steps.length; step++) {
        const { word, stale, reached, inside } = steps[step];
        if (this.touchedBy.get(word) === SEVERAL) places.push({ operation, step, cpu, stale, reached, inside });
      }
    }
    return places;
  }
}
