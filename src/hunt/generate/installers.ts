/** Merges in generated programs, and devices whose frames tasks map. */
import type { FileSpec, Op } from '../../program/program.ts';
import type { Player } from './cast.ts';
import type { Draw } from './draw.ts';
import type { Traits } from './traits.ts';

/** Values that pages have in common. */
const VALUES = 3;

/** Of all its pages. */
const DEVICE_PAGES = 4;

/** The device of a program with at most one file, for a tiny machine has two; none if the trait is off. */
export function drawDevices(draw: Draw, traits: Traits, files: number): FileSpec[] {
  if (files > 1 || !draw.chance(0.15 * traits.rawmap)) return [];
  return [{ name: 'd', pages: draw.between(1, DEVICE_PAGES), device: true }];
}

/** A page, and who stores to it. */
interface Mergeable {
  readonly player: Player;
  readonly page: number;
}

/**
 * Pages are equal only where somebody makes them so: two stores of one value by `users`, who have address spaces with something mapped,
 * then the merge, which `merger` does.
 * @param one one of the two pages, if it is not drawn, too
 */
export function drawMerge(
  draw: Draw,
  users: readonly Player[],
  merger: Player,
  sharing: number,
  one?: Mergeable,
): { player: Player; op: Op }[] {
  const value = draw.between(1, VALUES);
  const drawn = [draw.pick(users), draw.pick(users)].map((player): Mergeable => {
    const page = player.space!.pageToUse(draw, sharing);
    player.space!.remember(page);
    return { player, page };
  });
  const stores = one === undefined ? drawn : [one, drawn[1]];
  const [first, second] = stores;
  // one page has nothing to be merged with
  if (first.player.space === second.player.space && first.page === second.page) return [];
  const merge = { page: first.page, of: first.player.name, with: second.page, withOf: second.player.name };
  return [
    ...stores.map(({ player, page }): { player: Player; op: Op } => ({ player, op: { do: 'store', page, value } })),
    { player: merger, op: { do: 'ksm', ...merge } },
  ];
}
