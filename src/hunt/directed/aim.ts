/**
 * What a directed hunt has learnt about operations: how often the patches made a difference in a program that begins with one of that
 * kind, by what of them was begun. Those in which they did are drawn sooner; each target has its turn, because a patch may do harm only
 * where few operations lead, or where two routines of it meet.
 */
import type { OpKind } from '../../program/op-kind.ts';
import type { Draw } from '../generate/draw.ts';
import { OPERATIONS } from '../generate/encounter-traits.ts';
import type { TraitName } from '../generate/traits.ts';
import { kindIn, type Target } from './target.ts';

/** What it has learnt, as data. */
export interface AimPlace {
  /** In the order in which they were seen. */
  readonly targets: readonly (readonly [Target, Sightings])[];
  /** For each kind of operation the programs that began with it, and those in which patches made a difference, by what was begun of them. */
  readonly tallies: readonly (readonly [
    kind: TraitName,
    tried: number,
    worked: readonly (readonly [Target, number])[],
    does: readonly OpKind[],
  ])[];
}

interface Sightings {
  /** Programs in which it was begun. */
  readonly times: number;
  /** Those of them in which patches made a difference. */
  readonly parted: number;
  /** One of them had a single operation beside accesses: an opening. */
  readonly alone: boolean;
  /** Openings that were drawn to begin it, and did not. */
  readonly missed: number;
}

/** Openings in vain until a target counts as one that takes two operations. */
const MOST_MISSED = 16;

/** What targets in whose programs patches never make a difference keep of their turns, where others are known: it may still take a race. */
const NEVER_PARTED = 0.15;

/** Share of first operations that are of any kind, though some are known to come to the target: where others meet them, those may come to it. */
const STRAY = { alone: 0.1, met: 0.4 } as const;

/** What is rare is begun in one program of so many, or fewer. */
const RARE = 50;

interface Tally {
  tried: number;
  readonly worked: Map<Target, number>;
  /** The kinds of operations that it came to. */
  readonly does: Set<OpKind>;
}

export class Aim {
  private readonly tallies = new Map<TraitName, Tally>();
  private readonly targets = new Map<Target, Sightings>();

  /**
   * One of what patches were seen to change, but for `last`, if there is another one; undefined: nothing was seen yet. What is seldom
   * begun has more turns, and so has that with which patches made a difference, as far as they ever did.
   * @param alone only what one operation was seen to begin, or may
   */
  target(
    draw: Draw,
    { last, alone = false }: { readonly last?: Target; readonly alone?: boolean } = {},
  ): Target | undefined {
    const others = [...this.targets].filter(
      ([target, seen]) => target !== last && (!alone || seen.alone || seen.missed < MOST_MISSED),
    );
    const everParted = others.some(([, { parted }]) => parted > 0);
    // rule of succession
    const share = ({ times, parted }: Sightings): number =>
      everParted ? NEVER_PARTED + ((1 - NEVER_PARTED) * (parted + 1)) / (times + 2) : 1;
    const weights = Object.fromEntries(others.map(([target, seen]) => [target, share(seen) / Math.sqrt(seen.times)]));
    return draw.weighted(weights) ?? last;
  }

  /** Was it begun in a program? */
  knows(target: Target): boolean {
    return this.targets.has(target);
  }

  /** Was it begun in few programs only? */
  isRare(target: Target): boolean {
    const programs = [...this.tallies.values()].reduce((sum, { tried }) => sum + tried, 0);
    return (this.targets.get(target)?.times ?? 0) * RARE < programs;
  }

  /** Is it known which kinds of operations come to that in which the target is? */
  knowsDoers(target: Target): boolean {
    return this.doersOf(target).length > 0;
  }

  /** A kind of operation: mostly one in which the target can be come by, if such are known. @param how it is met by others, or not */
  draw(draw: Draw, target: Target | undefined, how: keyof typeof STRAY): TraitName {
    const doers = draw.chance(STRAY[how]) ? [] : this.doersOf(target);
    const among = doers.length > 0 ? doers : OPERATIONS;
    const weights = Object.fromEntries(among.map((kind) => [kind, this.chanceOf(kind, target) ** 2]));
    return draw.weighted(weights) as TraitName;
  }

  /**
   * A program that begins with that was run.
   * @param begun what was begun of the patches, perhaps by another operation
   * @param did the kinds of operations that the first one came to @param alone there is no other one beside accesses
   * @param parted patches made a difference: whoever is there may have a part in it, not only who begins a target
   * @param mayRace or they may do so in a race
   */
  had(
    kind: TraitName,
    begun: Iterable<Target>,
    {
      did,
      alone = false,
      parted = true,
      mayRace = true,
    }: {
      readonly did: readonly OpKind[];
      readonly alone?: boolean;
      readonly parted?: boolean;
      readonly mayRace?: boolean;
    },
  ): void {
    const tally = this.tallies.get(kind) ?? { tried: 0, worked: new Map(), does: new Set() };
    this.tallies.set(kind, tally);
    tally.tried++;
    for (const done of did) tally.does.add(done);
    for (const target of begun) {
      const seen = this.targets.get(target) ?? { times: 0, parted: 0, alone: false, missed: 0 };
      const [times, partings] = [seen.times + 1, seen.parted + (parted ? 1 : 0)];
      this.targets.set(target, { ...seen, times, parted: partings, alone: seen.alone || alone });
      if (!parted && !mayRace) continue;
      const doers = parted ? [] : this.doersOf(target);
      if (doers.length === 0 || doers.includes(kind)) tally.worked.set(target, (tally.worked.get(target) ?? 0) + 1);
    }
  }

  /** An opening that was drawn for the target did not begin it. */
  missed(target: Target): void {
    const seen = this.targets.get(target);
    if (seen) this.targets.set(target, { ...seen, missed: seen.missed + 1 });
  }

  place(): AimPlace {
    const tallies = [...this.tallies].map(
      ([kind, { tried, worked, does }]) => [kind, tried, [...worked], [...does]] as const,
    );
    return { targets: [...this.targets], tallies };
  }
  goOn({ targets, tallies }: AimPlace): void {
    for (const [target, seen] of targets) this.targets.set(target, seen);
    for (const [kind, tried, worked, does] of tallies)
      this.tallies.set(kind, { tried, worked: new Map(worked), does: new Set(does) });
  }

  /** Those that come to an operation of the kind in which the target is come by, as far as was seen. */
  private doersOf(target: Target | undefined): TraitName[] {
    const kind = target === undefined ? undefined : kindIn(target);
    return kind === undefined ? [] : OPERATIONS.filter((name) => this.tallies.get(name)?.does.has(kind));
  }

  /** What was never tried may well work (rule of succession, halved). */
  private chanceOf(kind: TraitName, target: Target | undefined): number {
    const { tried, worked } = this.tallies.get(kind) ?? { tried: 0, worked: new Map<Target, number>() };
    return ((target === undefined ? 0 : (worked.get(target) ?? 0)) + 0.5) / (tried + 1);
  }
}
