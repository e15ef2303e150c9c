/** How generated programs get to hint faults: few would by chance, because it takes a page of the slow node that somebody maps. */
import type { FileSpec, Op } from '../../program/program.ts';
import type { Player } from './cast.ts';
import type { Draw } from './draw.ts';
import type { Memory } from './machine.ts';
import type { Traits } from './traits.ts';

interface Move {
  readonly player: Player;
  readonly op: Op;
}

/** How much of the programs begin so: it takes two nodes, and what the scan needs. */
export function scanShare({ numascan, migrate, load }: Traits, { nodes }: Memory): number {
  return nodes > 1 ? Math.min(numascan, migrate, load, 1) : 0;
}

/**
 * The end of a history, then a scan and a use of what was scanned. @param users tasks with an address space that has pages; the
 * program has files and a slow node
 */
export function drawScan(
  draw: Draw,
  files: readonly FileSpec[],
  users: readonly Player[],
): { before: Move[]; scan: Move; use: Move } {
  const scanner = draw.pick(users);
  const sharing = users.filter((p) => p.space === scanner.space);
  const { page, pages } = scanner.space!.rangeToChange(draw, 4);
  const load = (player: Player): Move => ({ player, op: { do: 'load', page } });
  const warm = () => sharing.filter(() => draw.chance(0.7)).map(load);
  const down = files.map(({ name, pages: n }): Move => {
    const op: Op = { do: 'migrate', file: name, page: 0, pages: Math.max(1, n), node: 1 };
    return { player: draw.pick(users), op };
  });
  const use = draw.pick(sharing);
  return {
    before: [...warm(), ...down, ...warm()],
    scan: { player: scanner, op: { do: 'numascan', page, ...(pages > 1 ? { pages } : {}) } },
    use: load(use),
  };
}
