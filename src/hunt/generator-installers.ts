/** Merges in generated programs. Pages are equal only where somebody makes them so: both are stored to first. */
import type { Op } from '../program/program.ts';
import type { Player } from './generator-cast.ts';
import type { Draw } from './generator-draw.ts';

/** Values that pages have in common. */
const VALUES = 3;

/** Two stores of one value by `users`, who have address spaces with something mapped, and the merge, which `merger` does. */
export function drawMerge(
  draw: Draw,
  users: readonly Player[],
  merger: Player,
  sharing: number,
): { player: Player; op: Op }[] {
  const value = draw.between(1, VALUES);
  const stores = [draw.pick(users), draw.pick(users)].map((player) => {
    const page = player.space!.pageToUse(draw, sharing);
    player.space!.remember(page);
    return { player, page };
  });
  const [first, second] = stores;
  // one page has nothing to be merged with
  if (first.player.space === second.player.space && first.page === second.page) return [];
  const merge = { page: first.page, of: first.player.name, with: second.page, withOf: second.player.name };
  return [
    ...stores.map(({ player, page }): { player: Player; op: Op } => ({ player, op: { do: 'store', page, value } })),
    { player: merger, op: { do: 'ksm', ...merge } },
  ];
}
