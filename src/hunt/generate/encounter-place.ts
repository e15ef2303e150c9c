/** Operations of an encounter are about the place where they meet: each as it was drawn, but there, and so that it changes something. */
import type { FileSpec, Op } from '../../program/program.ts';
import type { Cast, Player } from './cast.ts';
import type { Draw } from './draw.ts';
import { PAGES } from './sizes.ts';

/** Where the operations of a program meet: pages of an address space, and the pages of a file that they show, if they do. */
export interface Place {
  readonly owner: Player;
  readonly page: number;
  readonly pages: number;
  readonly file: string | undefined;
  readonly offset: number;
  /** The page to which an operation of those that meet moves them: where they are is for the schedule to say. */
  readonly to?: number;
}

/** Whom and what the program has, and its numbers. */
interface Scene {
  readonly draw: Draw;
  readonly cast: Cast;
  readonly files: readonly FileSpec[];
}

/** Share of the operations that are about the last page of the place only: pages have locks, and a past, of their own. */
const LAST = 0.25;

/** Where its pages are now, or will be. */
export function whereabouts(place: Place, draw: Draw): Place {
  return place.to !== undefined && draw.chance(0.5) ? { ...place, page: place.to } : place;
}

/** The place once the player's operation is written; what others do at the same time may come before it. @param concurrent it is one of those that meet */
export function movedBy(op: Op, player: Player, place: Place, concurrent: boolean): Place {
  const { to } = op.do === 'mremap' ? op : {};
  if (op.do !== 'mremap' || to === undefined || op.page !== place.page || player.space !== place.owner.space)
    return place;
  return concurrent ? { ...place, to } : { ...place, page: to };
}

/** The same operation about the place, where it can be. */
export function aboutPlace(op: Op, player: Player, place: Place, { draw, cast, files }: Scene): Op {
  if ('file' in op && op.file !== undefined && op.do !== 'mmap') return aboutFile(op, place, draw, files);
  if (!('page' in op) || op.do === 'pfnwalk' || op.do === 'ksm') return op;
  // what a mapping shows elsewhere is as good as what is mapped here
  if (op.do === 'mmap' && draw.chance(0.5)) return op;
  const here = whereabouts(place, draw);
  const pages = draw.chance(LAST) ? lastOf(here) : here;
  const length = lengthIn(pages, draw);
  const { owner, page } = pages;
  const whose = 'of' in op && op.of !== undefined ? cast.named(op.of) : player;
  if (whose?.space !== owner.space) {
    if ('of' in op && op.of !== undefined) return { ...op, of: owner.name, page, ...length(op.pages) } as Op;
    return op;
  }
  const range = { page, ...('pages' in op ? length(op.pages) : {}) };
  // what may be stored to already needs no widening
  if (op.do === 'mprotect' && op.prot.startsWith('rw') && draw.chance(0.7))
    return { ...op, ...range, prot: draw.chance(0.6) ? 'r' : 'none' };
  if (op.do === 'mremap') return moved({ ...op, ...range }, draw);
  // a hint would lead elsewhere: something is mapped here
  if (op.do === 'mmap' && draw.chance(0.7)) return { ...op, ...range, fixed: true };
  return { ...op, ...range } as Op;
}

/** The last page of the place. */
function lastOf(place: Place): Place {
  const others = place.pages - 1;
  return { ...place, page: place.page + others, pages: 1, offset: place.offset + others };
}

/** How long a range is to be, that asks for so many pages or leaves it open: mostly as long as the place at most. */
function lengthIn({ page, pages }: Place, draw: Draw): (asked: number | undefined) => { pages?: number } {
  return (asked) => {
    const most = draw.chance(0.8) ? pages : (asked ?? 1);
    return asked === undefined ? {} : { pages: Math.min(asked, most, PAGES - page) };
  };
}

/** Of the file that the place shows, if it is about that. */
function aboutFile(op: Op & { file?: string }, { file, offset }: Place, draw: Draw, files: readonly FileSpec[]): Op {
  // what others write to lies within the file
  const end = files.find((f) => f.name === file)?.pages ?? 0;
  if (op.file !== file || offset >= end) return op;
  // elsewhere the end of the file is nobody's business here
  if (op.do === 'truncate') return draw.chance(0.8) ? { ...op, pages: offset } : op;
  if (!('page' in op)) return op;
  return { ...op, page: offset, ...('pages' in op ? { pages: Math.min(op.pages ?? 1, end - offset) } : {}) } as Op;
}

/** To where there is room, mostly below another table; seldom longer or shorter than it was. */
function moved({ newPages, ...plain }: Op & { do: 'mremap' }, draw: Draw): Op {
  const op = newPages !== undefined && draw.chance(0.4) ? { ...plain, newPages } : plain;
  const pages = Math.max(op.pages ?? 1, newPages ?? 1);
  const apart = (to: number): boolean => to + pages <= PAGES && (to >= op.page + pages || to + pages <= op.page);
  if (op.to === undefined ? draw.chance(0.2) : apart(op.to)) return op;
  return { ...op, to: draw.pick(Array.from({ length: PAGES - 1 }, (_, i) => i + 1).filter(apart)) };
}
