/** What the runs of a program teach about its operations: how many steps each takes, and which of them touch words that other CPUs touch, too. */
import { ADVERSARY, type Choice, choiceCpu, choiceKind, RUN } from '../../engine/choice.ts';
import type { CpuId } from '../../hardware/types.ts';
import { NOWHERE, type Word } from '../../memory/memory.ts';
import type { Run } from './strategy.ts';

/** Before a step of an operation: the operation has taken `step` steps, and has not ended. */
export interface Place {
  readonly operation: number;
  readonly step: number;
  /** Where the operation ran when it was last seen. */
  readonly cpu: number;
  /** Some TLB held an entry older than the page tables when an operation was there. */
  readonly stale: boolean;
}

export class SharedSteps {
  /** Per operation the word of each of its steps, as the run that took most of them had it. */
  private readonly words = new Map<number, Word[]>();
  private readonly stale = new Map<number, boolean[]>();
  private readonly ranOn = new Map<number, number>();
  /** CPUs that touch a word. */
  private readonly cpus = new Map<Word, number>();
  /** Steps that each operation has taken in this run. */
  private readonly taken = new Map<number, number>();

  begin(): void {
    this.taken.clear();
  }

  /** `c` is about to happen. Hardware's own acts belong to no operation. */
  step(run: Run, c: Choice): void {
    if (choiceKind(c) >= ADVERSARY) return;
    const id = choiceCpu(c) as CpuId;
    const word = run.announced(c);
    if (word !== NOWHERE) this.cpus.set(word, (this.cpus.get(word) ?? 0) | (1 << id));
    if (choiceKind(c) !== RUN || run.isInterrupted(id)) return;
    const operation = run.operationOf(id);
    const n = this.stepsOf(operation);
    this.taken.set(operation, n + 1);
    this.ranOn.set(operation, id);
    const words = this.words.get(operation) ?? [];
    words[n] = word;
    this.words.set(operation, words);
    const stale = this.stale.get(operation) ?? [];
    stale[n] ||= run.holdsStale();
    this.stale.set(operation, stale);
  }

  /** Steps that the operation has taken in this run, those of interrupt handlers on top of it aside. */
  stepsOf(operation: number): number {
    return this.taken.get(operation) ?? 0;
  }

  /** Where an operation, begun and not ended, is about to touch a word that another CPU touches. */
  places(): Place[] {
    const places: Place[] = [];
    for (const [operation, words] of this.words) {
      const cpu = this.ranOn.get(operation) as number;
      for (let step = 1; step < words.length; step++) {
        const by = this.cpus.get(words[step]) ?? 0;
        const stale = this.stale.get(operation)?.[step] ?? false;
        if ((by & (by - 1)) !== 0) places.push({ operation, step, cpu, stale });
      }
    }
    return places;
  }
}
