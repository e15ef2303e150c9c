/**
 * What a directed hunt has learnt about operations: how often the patches made a difference in a program that begins with one of that kind.
 * Those in which they did are drawn sooner.
 */
import { OPERATIONS } from './encounter-traits.ts';
import type { Draw } from './generator-draw.ts';
import type { TraitName } from './generator-traits.ts';

/** For each kind of operation the programs that began with it, and those in which patches made a difference. */
export type AimPlace = readonly (readonly [kind: TraitName, tried: number, worked: number])[];

interface Tally {
  tried: number;
  worked: number;
}

export class Aim {
  private readonly tallies = new Map<TraitName, Tally>();

  /** A kind of operation to begin with. */
  draw(draw: Draw): TraitName {
    const weights = Object.fromEntries(OPERATIONS.map((kind) => [kind, this.chanceOf(kind) ** 2]));
    return draw.weighted(weights) as TraitName;
  }

  /** A program that begins with that was run. */
  had(kind: TraitName, worked: boolean): void {
    const tally = this.tallies.get(kind) ?? { tried: 0, worked: 0 };
    this.tallies.set(kind, tally);
    tally.tried++;
    if (worked) tally.worked++;
  }

  place(): AimPlace {
    return [...this.tallies].map(([kind, { tried, worked }]) => [kind, tried, worked] as const);
  }
  goOn(place: AimPlace): void {
    for (const [kind, tried, worked] of place) this.tallies.set(kind, { tried, worked });
  }

  /** What was never tried may well work (rule of succession, halved). */
  private chanceOf(kind: TraitName): number {
    const { tried, worked } = this.tallies.get(kind) ?? { tried: 0, worked: 0 };
    return (worked + 0.5) / (tried + 1);
  }
}
