/**
 * Operations of those who track writes: the marks are cleared, or pages write-protected, and somebody asks what was written to
 * since.
 */
import type { Op } from '../../program/program.ts';
import type { Player } from './cast.ts';
import type { Draw } from './draw.ts';
import type { PageRange } from './pages.ts';
import type { Traits } from './traits.ts';

interface Move {
  readonly player: Player;
  readonly op: Op;
}

/** Pages that one pagemap tells of at most. */
const PAGEMAP_PAGES = 15;

export function drawSoftDirty(draw: Draw, range: PageRange): Op {
  return draw.chance(0.6) ? { do: 'clearrefs' } : pagemapOf(range);
}

export function drawUffdWp(draw: Draw, { page, pages }: PageRange): Op {
  const what = draw.weighted({ register: 3, protect: 4, resolve: 1, ask: 2 });
  if (what === 'register') return { do: 'uffdregister', page, pages };
  if (what === 'ask') return pagemapOf({ page, pages });
  return { do: 'uffdwp', page, pages, on: what === 'protect' };
}

/** How much of the programs begin with a tracker. */
export function trackShare({ clearrefs, uffdwp, store }: Traits): number {
  return Math.min(Math.max(clearrefs, uffdwp), store, 1);
}

/**
 * The end of a history, then a tracker that starts, a store that it is to be told of, and the question. @param users tasks with
 * pages
 */
export function drawTracking(
  draw: Draw,
  { clearrefs, uffdwp }: Traits,
  users: readonly Player[],
): { before: Move[]; during: Move[] } {
  const tracker = draw.pick(users);
  const sharing = users.filter((p) => p.space === tracker.space);
  const range = tracker.space!.rangeToChange(draw, 4);
  const { page, pages } = range;
  const soft = draw.weighted({ soft: clearrefs, uffd: uffdwp }) === 'soft';
  const writer = draw.pick(sharing);
  const stores = sharing.filter(() => draw.chance(0.7)).map((player): Move => ({ player, op: { do: 'store', page } }));
  const start: Op = soft ? { do: 'clearrefs' } : { do: 'uffdwp', page, pages, on: true };
  return {
    before: [...(soft ? [] : [{ player: tracker, op: { do: 'uffdregister', page, pages } } as const]), ...stores],
    during: [
      { player: tracker, op: start },
      { player: writer, op: { do: 'store', page } },
      { player: draw.chance(0.7) ? writer : tracker, op: pagemapOf(range) },
    ],
  };
}

function pagemapOf({ page, pages }: PageRange): Op {
  return { do: 'pagemap', page, pages: Math.min(pages, PAGEMAP_PAGES) };
}
