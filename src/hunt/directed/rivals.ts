/**
 * What a directed hunt has learnt about operations that cross an opening: how often programs with one of a kind came by a frame to which a
 * missed flush, or one that is due, leaves a stale entry. Others do nothing to what a patch leaves behind, and are drawn less often.
 */
import type { Draw } from '../generate/draw.ts';
import { OPERATIONS } from '../generate/encounter-traits.ts';
import type { TraitName } from '../generate/traits.ts';

/** For each kind of operation the crossings that had one, and those in which something came by such a frame. */
export type RivalsPlace = readonly (readonly [kind: TraitName, tried: number, met: number])[];

/** What all kinds keep of their chance: harm may take another way than through a frame. */
const LEAST = 0.15;

export class Rivals {
  private readonly tallies = new Map<TraitName, { readonly tried: number; readonly met: number }>();

  /** How often a kind is drawn, beside others; of what was never tried, half as often as of what always meets (rule of succession). */
  chanceOf(kind: TraitName): number {
    const { tried, met } = this.tallies.get(kind) ?? { tried: 0, met: 0 };
    return LEAST + (1 - LEAST) * ((met + 1) / (tried + 2));
  }

  /** All kinds, drawn one after the other by their chances (Efraimidis, Spirakis, Information Processing Letters 97, 2006). */
  inOrder(draw: Draw): TraitName[] {
    const late = new Map(
      OPERATIONS.map((kind) => [kind, -Math.log(1 - draw.below(2 ** 32) / 2 ** 32) / this.chanceOf(kind)]),
    );
    return [...OPERATIONS].sort((a, b) => late.get(a)! - late.get(b)!);
  }

  /** A crossing with those was run, in which a TLB was stale. */
  had(kinds: readonly TraitName[], hasMet: boolean): void {
    for (const kind of new Set(kinds)) {
      const { tried, met } = this.tallies.get(kind) ?? { tried: 0, met: 0 };
      this.tallies.set(kind, { tried: tried + 1, met: met + (hasMet ? 1 : 0) });
    }
  }

  place(): RivalsPlace {
    return [...this.tallies].map(([kind, { tried, met }]) => [kind, tried, met] as const);
  }
  goOn(place: RivalsPlace): void {
    for (const [kind, tried, met] of place) this.tallies.set(kind, { tried, met });
  }
}
