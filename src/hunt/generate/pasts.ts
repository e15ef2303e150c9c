/**
 * What was before the programs of a hunt, to be had again. A state of pages that hardly any past brings about is not made again by
 * chance, for something else to happen in it; so the last few pasts are kept for each thing that they led to, however seldom that is
 * (as Böhme, Pham, Roychoudhury, "Coverage-based Greybox Fuzzing as Markov Chain", CCS 2016, give rare paths their share).
 */
import type { Draw } from './draw.ts';
import type { TraitName } from './traits.ts';

/** What was before an encounter follows from this: the seed of its numbers, and an operation that the program is to have. */
export interface Past {
  readonly seed: number;
  readonly having?: TraitName;
}

/** Share of the encounters that are behind a past that was there before. */
const AGAIN = 0.3;

/** A past that was there before, now and then, or a fresh one. @param again one, if there is one @param having of a fresh one */
export function drawPast(draw: Draw, again: () => Past | undefined, having?: TraitName): Past {
  return (draw.chance(AGAIN) ? again() : undefined) ?? freshPast(draw, having);
}

/** One that was not there before. @param having an operation that the program is to have */
export function freshPast(draw: Draw, having?: TraitName): Past {
  return { seed: draw.below(2 ** 32), having };
}

/** As data. */
export type PastsPlace<Key> = readonly (readonly [key: Key, next: number, kept: readonly Past[]])[];

/** Pasts kept for each thing, the latest: so many that they differ, and few enough that the place of a hunt stays small. */
const KEPT = 8;

export class Pasts<Key extends string | number> {
  private readonly pasts = new Map<Key, { next: number; readonly kept: Past[] }>();

  /** A program with that past showed these things. */
  had(past: Past, things: Iterable<Key>): void {
    for (const thing of things) {
      const entry = this.pasts.get(thing) ?? { next: 0, kept: [] };
      this.pasts.set(thing, entry);
      if (entry.kept.some(({ seed }) => seed === past.seed)) continue;
      entry.kept[entry.next] = past;
      entry.next = (entry.next + 1) % KEPT;
    }
  }

  /** One that led there. */
  leadingTo(thing: Key, draw: Draw): Past | undefined {
    const entry = this.pasts.get(thing);
    return entry && draw.pick(entry.kept);
  }

  /** One that led somewhere: what is rare is drawn as often as what is not. */
  any(draw: Draw): Past | undefined {
    return this.pasts.size === 0 ? undefined : this.leadingTo(draw.pick([...this.pasts.keys()]), draw);
  }

  place(): PastsPlace<Key> {
    return [...this.pasts].map(([key, { next, kept }]) => [key, next, kept] as const);
  }
  goOn(place: PastsPlace<Key>): void {
    for (const [key, next, kept] of place) this.pasts.set(key, { next, kept: [...kept] });
  }
}
