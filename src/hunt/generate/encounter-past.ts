/**
 * What was before an encounter: something is mapped, a few pages of it are the place where operations will meet, it gets a past, and everybody
 * who may has it in the TLB. What is written behind that is about the place, too.
 */
import type { Op } from '../../program/program.ts';
import { shuffled } from '../random.ts';
import type { Player } from './cast.ts';
import { aboutPlace, movedBy, type Place, whereabouts } from './encounter-place.ts';
import { only, PAST } from './encounter-traits.ts';
import type { Mapped } from './files.ts';
import { MOST_HISTORY } from './history.ts';
import { drawMerge } from './installers.ts';
import { memoryShares } from './ops.ts';
import { ProgramWriter } from './program-writer.ts';
import { PAGES, WORDS } from './sizes.ts';
import type { TraitName } from './traits.ts';

/** How much more often what a program is about is mapped than any other page. */
const NOWHERE_ELSE = 1000;

/** An operation, and who does it. */
interface Move {
  readonly player: Player;
  readonly op: Op;
}

type Accesses = Readonly<Record<'load' | 'store', number>>;

const MIXED: Accesses = { store: 1.2, load: 1 };
/** What the last accesses of the history are, as far as the program has such: a page that is clean, or shared, stays so without a store. */
const LOADS: Accesses = { store: 0, load: 1 };
const WARM: readonly Accesses[] = [MIXED, LOADS, LOADS, { store: 1, load: 0.1 }];

/** What takes pages away that come back. */
const TAKES_AWAY: ReadonlySet<TraitName> = new Set(['swapout', 'reclaim', 'devmigrate']);

/** What leaves an address space with a flush that is put off, or with the mark of one, at which whoever empties an entry flushes. */
const BATCHED: ReadonlySet<Op['do']> = new Set(['reclaim', 'migrate', 'compact']);

/** A program with a place, and with what was before. */
export class EncounterPast extends ProgramWriter {
  protected place: Place | undefined;

  /** What was before. @param having an operation that the program is to have */
  begin(having?: TraitName): void {
    const { draw } = this;
    this.unplugs ||= having === 'unplug';
    const places: Place[] = [];
    for (const player of this.firstOfSpaces()) {
      for (let i = draw.between(1, this.objects); i > 0; i--) places.push(this.map(player));
    }
    const { page, pages, offset, ...rest } = draw.pick(places);
    const at = draw.chance(0.6) ? draw.below(pages) : 0;
    this.place = { ...rest, page: page + at, pages: pages - at, offset: offset + at };
    // what a store makes of a page of a file is seldom what was there
    if (draw.chance(this.place.file === undefined ? 0.9 : 0.35)) this.populate();
    for (const [name, chance] of shuffled(PAST, draw)) {
      if (!draw.chance(chance)) continue;
      this.happened(name);
      if (draw.chance(0.5)) this.writeAccess(this.cast.anyUser());
    }
    // who has gone can come back
    if (having === 'unplug' && draw.chance(0.5)) this.happened('unplug');
    if (this.history.some(({ op }) => BATCHED.has(op.do)) && draw.chance(0.5)) this.settle();
    const shares = draw.chance(0.35 * this.traits.fork);
    if (shares) {
      if (draw.chance(0.7)) this.populate();
      this.writeAny(draw.pick(this.atPlace()), 1, only(this.traits, 'fork'));
    }
    // the swap cache holds on to a page as nothing else does but mappings: last, for a store might take the page out of it again
    if (this.memory.swapSlots > 0 && this.place.file === undefined && draw.chance(0.25)) {
      this.populate();
      this.happened('swapout');
      if (draw.chance(0.6)) this.settle();
    }
    const warm = shares && draw.chance(0.7) ? LOADS : draw.pick(WARM);
    for (const user of this.users()) {
      if (draw.chance(0.85)) this.recall(this.access(user, this.looksAt(user), warm));
      if (this.place.pages > 1 && draw.chance(0.4)) this.recall(this.access(user, this.looksAt(user, 0.2), warm));
    }
    if (draw.chance(0.15 * this.traits.move)) this.leave();
    this.concurrent = true;
  }

  /** Most operations are about the place. Where there is nothing to do, no time needs to pass. */
  protected override write(player: Player, op: Op): void {
    if (op.do === 'compute') return;
    const { place } = this;
    if (op.do === 'uffdwp' && place && !this.history.some((h) => h.op.do === 'uffdregister')) {
      const { owner, page, pages } = place;
      this.recall({ player: owner, op: { do: 'uffdregister', page, pages } });
    }
    const { draw, cast, files } = this;
    const written = place && draw.chance(0.9) ? aboutPlace(op, player, place, { draw, cast, files }) : op;
    super.write(player, written);
    if (place) this.place = movedBy(written, player, place, this.concurrent);
  }

  /** Ksmd needs pages of equal content: they are made in the history, and one of them is mostly at the place. */
  protected override writeOther(player: Player, name: TraitName): void {
    if (name !== 'ksm') {
      super.writeOther(player, name);
      return;
    }
    const { draw, place, traits } = this;
    const one = place && draw.chance(0.8) ? { player: place.owner, page: place.page } : undefined;
    for (const { player: by, op } of drawMerge(draw, this.mappers(), player, traits.shared, one)) {
      if (op.do === 'store') this.recall({ player: by, op });
      else super.write(by, op);
    }
  }

  private map(owner: Player): Place {
    const { draw, traits } = this;
    const space = owner.space!;
    const range = space.rangeToMap(draw, NOWHERE_ELSE);
    space.map(range);
    const shown = (): Mapped | undefined => space.mappings.draw(draw, traits, range.pages);
    // where there is a file, it is what the program is about
    const drawn = shown() ?? (this.files.length > 0 && draw.chance(0.9) ? shown() : undefined) ?? {};
    const end = this.files.find((f) => f.name === drawn.file)?.pages ?? PAGES;
    // behind its end there is nothing to meet at
    const { offset = 0 } = drawn;
    const mapped = offset + range.pages > end ? { ...drawn, offset: Math.max(0, end - range.pages) } : drawn;
    const prot = space.mappings.mayStore(mapped) ? 'rw' : 'r';
    this.history.push({ task: owner.name, op: { do: 'mmap', ...range, prot, fixed: true, ...mapped } });
    const pages = Math.min(range.pages, end);
    return { owner, page: range.page, pages, file: mapped.file, offset: mapped.offset ?? 0 };
  }

  /** What the user had in its TLB, and looks at. */
  protected looksAt(user: Player, first = 0.8): number {
    const { owner, page, pages } = whereabouts(this.place!, this.draw);
    const isThere = user.space === owner.space && this.draw.chance(0.9);
    const at = this.draw.chance(first) ? 0 : this.draw.below(pages);
    return isThere ? page + at : user.space!.pageToUse(this.draw, this.traits.shared);
  }

  private writeAccess(user: Player): void {
    if (!user.space!.isEmpty) this.writeMemory(user, memoryShares({ ...this.traits, gup: 0, fetch: 0 }, 'accesses'));
  }

  protected access(player: Player, page: number, { store, load }: Accesses = MIXED): Move {
    const { traits } = this;
    const use = this.draw.weighted({ store: store * traits.store, load: load * traits.load }) ?? 'load';
    const word = use === 'store' && this.draw.chance(0.6) ? this.cast.players.indexOf(player) % WORDS : 0;
    return { player, op: word > 0 ? { do: use, page, word } : { do: use, page } };
  }

  /** At the end of the history, whatever is written already. */
  private recall({ player, op }: Move): void {
    const isThere =
      player.forkedBy === undefined ||
      this.history.some(({ op: before }) => before.do === 'fork' && before.task === player.name);
    if (isThere && this.history.length < MOST_HISTORY) this.history.push({ task: player.name, op });
  }

  /** The place has frames of its own, not the zero page: what nobody has stored to is not shared, merged, moved or swapped. */
  private populate(): void {
    const { page, pages } = this.place!;
    const op: Op = pages > 1 ? { do: 'touch', page, pages, write: true } : { do: 'store', page };
    this.write(this.draw.pick(this.atPlace()), op);
  }

  /** Something of the past. What took pages away may bring them back by loads alone, and leave them in the swap cache. */
  private happened(name: TraitName): void {
    const { draw, traits } = this;
    const player = draw.chance(0.8) ? draw.pick(this.atPlace()) : this.cast.anyOfMachine();
    this.writeAny(player, 3, only(traits, name));
    if (!TAKES_AWAY.has(name) || !draw.chance(0.7 * traits.load)) return;
    const { page, pages } = this.place!;
    this.write(draw.pick(this.atPlace()), pages > 1 ? { do: 'touch', page, pages } : { do: 'load', page });
  }

  /** Nobody owes the flush of the pages that were reclaimed any more: whoever changes the rights of the place makes up for it. */
  private settle(): void {
    const { owner, page, pages } = this.place!;
    const range = { page, ...(pages > 1 ? { pages } : {}) };
    if (this.traits.mprotect === 0) return;
    for (const prot of ['r', 'rw'] as const) this.recall({ player: owner, op: { do: 'mprotect', ...range, prot } });
  }

  /** Somebody goes to another CPU: the one that is left keeps the address space, and what it has cached of it. */
  private leave(): void {
    const { draw, cpus } = this;
    const player = draw.pick(this.users());
    this.recall({ player, op: { do: 'move', cpu: (player.cpu + draw.between(1, cpus - 1)) % cpus } });
  }

  /** Those who share the address space of the place; its owner at least. */
  protected atPlace(): Player[] {
    return this.users().filter(({ space }) => space === this.place!.owner.space);
  }

  protected users(): Player[] {
    return this.cast.alive().filter(({ space }) => space);
  }

  private firstOfSpaces(): Player[] {
    const users = this.users();
    return users.filter((user) => users.find(({ space }) => space === user.space) === user);
  }
}
