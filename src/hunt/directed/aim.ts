/**
 * What a directed hunt has learnt about operations: how often the patches made a difference in a program that begins with one of that
 * kind, by what of them was begun. Those in which they did are drawn sooner; each target has its turn, because a patch may do harm only
 * where few operations lead, or where two routines of it meet.
 */
import type { Draw } from '../generate/draw.ts';
import { OPERATIONS } from '../generate/encounter-traits.ts';
import type { TraitName } from '../generate/traits.ts';
import type { Target } from './difference.ts';

/** What it has learnt, as data. */
export interface AimPlace {
  /** In the order in which they were seen. */
  readonly targets: readonly Target[];
  /** For each kind of operation the programs that began with it, and those in which patches made a difference, by what was begun of them. */
  readonly tallies: readonly (readonly [
    kind: TraitName,
    tried: number,
    worked: readonly (readonly [Target, number])[],
  ])[];
}

interface Tally {
  tried: number;
  readonly worked: Map<Target, number>;
}

export class Aim {
  private readonly tallies = new Map<TraitName, Tally>();
  private readonly targets = new Set<Target>();

  /** One of what patches were seen to change, but for `last`, if there is another one; undefined: nothing was seen yet. */
  target(draw: Draw, last?: Target): Target | undefined {
    const others = [...this.targets].filter((target) => target !== last);
    return others.length > 0 ? draw.pick(others) : last;
  }

  /** A kind of operation to begin with. */
  draw(draw: Draw, target: Target | undefined): TraitName {
    const weights = Object.fromEntries(OPERATIONS.map((kind) => [kind, this.chanceOf(kind, target) ** 2]));
    return draw.weighted(weights) as TraitName;
  }

  /** A program that begins with that was run. @param worked what was begun of the patches, if they made a difference */
  had(kind: TraitName, worked: Iterable<Target>): void {
    const tally = this.tallies.get(kind) ?? { tried: 0, worked: new Map() };
    this.tallies.set(kind, tally);
    tally.tried++;
    for (const target of worked) {
      this.targets.add(target);
      tally.worked.set(target, (tally.worked.get(target) ?? 0) + 1);
    }
  }

  place(): AimPlace {
    const tallies = [...this.tallies].map(([kind, { tried, worked }]) => [kind, tried, [...worked]] as const);
    return { targets: [...this.targets], tallies };
  }
  goOn({ targets, tallies }: AimPlace): void {
    for (const target of targets) this.targets.add(target);
    for (const [kind, tried, worked] of tallies) this.tallies.set(kind, { tried, worked: new Map(worked) });
  }

  /** What was never tried may well work (rule of succession, halved). */
  private chanceOf(kind: TraitName, target: Target | undefined): number {
    const { tried, worked } = this.tallies.get(kind) ?? { tried: 0, worked: new Map<Target, number>() };
    return ((target === undefined ? 0 : (worked.get(target) ?? 0)) + 0.5) / (tried + 1);
  }
}
