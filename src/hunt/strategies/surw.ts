/**
 * SURW: selectively uniform random walk (Zhao et al., ASPLOS 2025). Each run draws one word, with probability proportional
 * to its accesses, out of those that more than one thread touches. The order of the accesses to that word is uniform: a
 * thread is intended as in URW, over those accesses alone, and any other thread that comes to one is parked until the
 * intended one has had it. All other events follow the random priorities of their events.
 */
import type { Choice } from '../../engine/choice.ts';
import { NOWHERE, type Word } from '../../memory/memory.ts';
import type { Random } from '../random.ts';
import { RandomAdversary } from './adversary.ts';
import { EventsLeft } from './events-left.ts';
import { type AdversaryBudget, type Run, type Strategy, threadOf, threadsOf } from './strategy.ts';

const NONE = -1;

export class Surw implements Strategy {
  readonly name = 'surw';
  private readonly adversary: RandomAdversary;
  /** What is known of the accesses to each word. */
  private readonly profile = new Map<Word, EventsLeft>();
  private word: Word = NOWHERE;
  private intended = NONE;
  private readonly priority: number[] = [];
  private readonly parked: boolean[] = [];
  private threads = 0;

  constructor(
    private readonly random: Random,
    budget: AdversaryBudget,
  ) {
    this.adversary = new RandomAdversary(random, budget);
  }

  begin(run: Run): boolean {
    this.adversary.begin();
    this.threads = threadsOf(run);
    for (const left of this.profile.values()) left.begin(this.threads);
    this.word = this.drawWord();
    this.intended = NONE;
    for (let t = 0; t < this.threads; t++) {
      this.priority[t] = NONE;
      this.parked[t] = false;
    }
    return true;
  }

  choose(run: Run): number {
    const act = this.adversary.act(run);
    if (act >= 0) return act;
    const picked = this.pick(run);
    const t = threadOf(picked);
    this.priority[t] = NONE;
    const word = run.announced(picked);
    if (word === NOWHERE) return picked;
    this.accesses(word).happened(t);
    if (word === this.word) {
      this.intended = NONE;
      this.parked.fill(false);
    }
    return picked;
  }

  /** Parks threads that come to the word without being the intended one. */
  private pick(run: Run): Choice {
    const { choices } = run;
    if (this.intended === NONE && this.word !== NOWHERE) {
      // by what each thread that can go on has left of the accesses to the word
      const next = this.accesses(this.word).draw(choices, 0);
      if (next !== undefined) this.intended = threadOf(next);
    }
    for (;;) {
      const best = this.highest(choices);
      if (best === undefined) {
        // the intended one does not come: its estimate was too high, or it waits
        this.parked.fill(false);
        return this.highest(choices) as Choice;
      }
      if (run.announced(best) !== this.word || this.word === NOWHERE || threadOf(best) === this.intended) return best;
      this.parked[threadOf(best)] = true;
    }
  }

  private highest(choices: readonly Choice[]): Choice | undefined {
    let best: Choice | undefined;
    for (const c of choices) {
      const t = threadOf(c);
      if (this.parked[t]) continue;
      if (this.priority[t] === NONE) this.priority[t] = this.random.bits();
      if (best === undefined || this.priority[t] > this.priority[threadOf(best)]) best = c;
    }
    return best;
  }

  private accesses(word: Word): EventsLeft {
    const known = this.profile.get(word);
    if (known) return known;
    const fresh = new EventsLeft(this.random);
    fresh.begin(this.threads);
    this.profile.set(word, fresh);
    return fresh;
  }

  private drawWord(): Word {
    let sum = 0;
    for (const left of this.profile.values()) if (left.threads() > 1) sum += left.total();
    if (sum === 0) return NOWHERE;
    let at = this.random.below(sum);
    for (const [word, left] of this.profile) {
      if (left.threads() < 2) continue;
      at -= left.total();
      if (at < 0) return word;
    }
    return NOWHERE;
  }
}
