/** The corpus of a hunt: programs that showed something new, each with the schedule of its run that showed most. */
import type { Program } from '../program/program.ts';
import type { Draw } from './generate/draw.ts';

export interface CorpusEntry {
  readonly program: Program;
  /** The schedule of that run. */
  readonly choices: readonly number[];
  /** How much its runs were the first to show. */
  readonly gain: number;
  /** How many steps they had. */
  readonly steps: number;
}

/** What a gain above this adds is luck of the beginning. */
const GAIN_MOST = 16;

export class Corpus {
  private readonly entries: CorpusEntry[] = [];
  /** How often each entry was picked. */
  private readonly picks: number[] = [];

  get size(): number {
    return this.entries.length;
  }

  add(entry: CorpusEntry, picks = 0): void {
    this.entries.push(entry);
    this.picks.push(picks);
  }

  /** An entry: sooner one that gained much for its steps, and one that was picked seldom. The corpus must not be empty. */
  pick(draw: Draw): CorpusEntry {
    const weights = this.entries.map(
      ({ gain, steps }, i) => Math.min(gain, GAIN_MOST) / (steps + 1) / (4 + this.picks[i]),
    );
    const i = Number(draw.weighted(Object.fromEntries(weights.map((w, k) => [k, w]))) ?? 0);
    this.picks[i]++;
    return this.entries[i];
  }

  /** All entries in their order, each with how often it was picked. */
  *all(): Iterable<{ readonly entry: CorpusEntry; readonly picks: number }> {
    for (const [i, entry] of this.entries.entries()) yield { entry, picks: this.picks[i] };
  }
}
