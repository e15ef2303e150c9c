/**
 * Programs for a hunt that is directed at what its patches change. Some are encounters in which patches probably make a difference
 * (aim.ts); those in which they make none are given up. For the others an encounter of one operation is drawn first, an opening, until
 * patches do make a difference in it (difference.ts); then others meet that operation, each for one run (unmade/operations.ts), and one or two
 * at a time, in crossings: sooner those that have come by what is stale in crossings before (rivals.ts).
 * The numbers that an opening was drawn from stand for it (as in Padhye et al., "Semantic Fuzzing with Zest", ISSTA 2019). Some pasts
 * are had again (pasts.ts): those behind which the same of the patches was begun, those behind which anything of them made a difference, and
 * those that brought pages into one state or another.
 */
import type { OpKind } from '../../program/op-kind.ts';
import type { Program } from '../../program/program.ts';
import { Draw } from '../generate/draw.ts';
import type { Rival } from '../generate/encounter.ts';
import {
  generateAimed,
  generateCrossing,
  generateOpening,
  generateRival,
  type Opening,
} from '../generate/encounters.ts';
import { drawPast, type Past, Pasts, type PastsPlace } from '../generate/pasts.ts';
import type { TraitName } from '../generate/traits.ts';
import type { PageState } from '../page-states.ts';
import { randomFrom } from '../random.ts';
import { Aim, type AimPlace } from './aim.ts';
import type { DifferenceMade } from './difference.ts';
import { Rivals, type RivalsPlace } from './rivals.ts';
import type { Target } from './target.ts';

export type DirectedOrigin = 'aimed' | 'opening' | 'crossing';

export interface DirectedProgram {
  readonly origin: DirectedOrigin;
  readonly program: Program;
  /** What its first operation is to be. */
  readonly first: TraitName;
  /** The kinds of operations that it came to: none, if it could not be that. */
  readonly did: readonly OpKind[];
  /** What was before, unless that was drawn for another program of the same opening. */
  readonly past?: Past;
  /** Of an opening: what could meet its first operation, each of another kind. */
  readonly rivals?: () => Iterable<Rival>;
  /** Of a crossing: kinds of the operations that meet the first one. */
  readonly others?: readonly TraitName[];
}

interface AimedOpening extends Opening {
  /** The kinds of operations that its first one came to. */
  readonly did: readonly OpKind[];
  /** What of the patches it was drawn to begin. */
  readonly target: Target | undefined;
}

/** Where it stands, as data. */
export interface DirectedPlace {
  readonly aim: AimPlace;
  readonly rivals: RivalsPlace;
  readonly pasts: PastsPlace<Target>;
  readonly partings: PastsPlace<Target>;
  readonly opening: AimedOpening | undefined;
  readonly left: number;
  readonly hopes: boolean;
  readonly reached: number;
  readonly parted: number;
  readonly sought: number;
  readonly hoped: number;
}

/** Share of the encounters that are neither openings nor crossings. */
const AIMED = 0.25;
/** Operations of different kinds that are tried in the midst of an opening: all that a program can have, mostly. */
const RIVALS = 40;
/** Crossings of an opening: few, for most lead to no harm, whatever crosses them; fewer where operations have been tried in its midst. */
const CROSSINGS = { tried: 3, other: 8 } as const;
/** Share of the crossings in which patches probably make a difference in another operation, too. */
const BOTH = 0.33;
/** One program of so many that come by the patches shows what they change: that is seldom. */
const SELDOM = 8;
/** Steps that it takes as long to run as to make a program and its machine. */
const MAKING = 1000;

export class DirectedPrograms {
  private readonly aim = new Aim();
  private readonly rivals = new Rivals();
  /** By what of the patches was begun behind them. */
  private readonly pasts = new Pasts<Target>();
  /** Those behind which patches made a difference while a TLB was stale: they may do so in another operation, too. */
  private readonly partings = new Pasts<Target>();
  /** The opening that is tried, or crossed, and how often it will be. */
  private opening: AimedOpening | undefined;
  private left = 0;
  /** The opening alone has not shown that patches make a difference. */
  private hopes = false;
  /** Programs that came by patches, and those in which these made a difference. */
  private reached = 0;
  private parted = 0;
  /** Steps of openings, and of other programs in which patches were come by and made no difference. */
  private sought = 0;
  private hoped = 0;

  /** @param states pasts by what they made of pages */
  next(bits: () => number, states: Pasts<PageState>): DirectedProgram {
    const draw = new Draw(bits);
    const { opening, aim } = this;
    if (draw.chance(AIMED)) {
      const { first, past } = this.beginning(aim.target(draw), 'met', draw, states);
      return { origin: 'aimed', ...generateAimed(first, past, bits), first, past };
    }
    if (opening !== undefined && this.left > 0) {
      this.left--;
      const { first, did, target } = opening;
      const also = draw.chance(BOTH) ? aim.draw(draw, aim.target(draw, { last: target }), 'alone') : undefined;
      return {
        ...generateCrossing(opening, bits, (kind) => this.rivals.chanceOf(kind), also),
        origin: 'crossing',
        first,
        did,
      };
    }
    const target = aim.target(draw, { alone: true });
    const { first, past } = this.beginning(target, 'alone', draw, states);
    const drawn = generateOpening(first, past, bits);
    const { program, did } = drawn;
    this.opening = { ...drawn.opening, did, target };
    const seed = bits();
    const rivals = (): Iterable<Rival> => this.rivalsOf(drawn.opening, seed);
    return { origin: 'opening', program, did, first, past, rivals };
  }

  /** Operations that could meet the opening, each of another kind. */
  private *rivalsOf(opening: Opening, seed: number): Iterable<Rival> {
    const { bits } = randomFrom(seed);
    let left = RIVALS;
    for (const kind of this.rivals.inOrder(new Draw(bits))) {
      const rival = generateRival(opening, bits, kind);
      if (rival && left-- > 0) yield rival;
      if (left <= 0) return;
    }
  }

  /** What was before, a new one or that of another program, and a first operation. Where the target is seldom come by, mostly as there. */
  private beginning(
    target: Target | undefined,
    how: 'alone' | 'met',
    draw: Draw,
    states: Pasts<PageState>,
  ): { past: Past; first: TraitName } {
    const leading = (): Past | undefined => (target === undefined ? undefined : this.pasts.leadingTo(target, draw));
    if (target !== undefined && this.aim.isRare(target) && draw.chance(0.5)) {
      const past = leading();
      const having = this.aim.knowsDoers(target) ? undefined : past?.having;
      if (past) return { past, first: having ?? this.aim.draw(draw, target, how) };
    }
    const first = this.aim.draw(draw, target, how);
    const again = (): Past | undefined => draw.pick([leading, () => this.partings.any(draw), () => states.any(draw)])();
    return { past: drawPast(draw, () => again() ?? states.any(draw), first), first };
  }

  /** The program was run for that many steps. */
  had({ origin, first, did, past, others = [] }: DirectedProgram, made: DifferenceMade, steps: number): void {
    const behind = past ?? this.opening?.past;
    if (behind) this.pasts.had(behind, made.begun);
    if (behind && made.isKnown && made.isStale) this.partings.had(behind, made.begun);
    if (origin === 'opening') this.sought += MAKING + steps;
    else if (made.begun.size > 0 && !made.isKnown) this.hoped += MAKING + steps;
    if (origin === 'crossing') {
      if (this.hopes && made.isKnown) this.left = CROSSINGS.other;
      if (made.isStale) this.rivals.had(others, made.hasMet);
      this.hopes &&= !made.isKnown;
      const fresh = [...made.begun].filter((target) => !this.aim.knows(target));
      if (fresh.length > 0) this.aim.had(first, fresh, { did, parted: made.isKnown });
      return;
    }
    const alone = origin === 'opening';
    this.aim.had(first, made.begun, { did, alone, parted: made.isKnown, mayRace: this.isRace(made) });
    if (origin === 'opening') {
      this.hopes = !made.isKnown;
      const target = this.opening?.target;
      const isHit = target === undefined || made.begun.has(target);
      if (target !== undefined && !isHit) this.aim.missed(target);
      const most = made.isKnown && made.isStale ? CROSSINGS.tried : CROSSINGS.other;
      this.left = isHit && this.isWorth(made) ? most : 0;
    }
    if (made.begun.size > 0) this.reached++;
    if (made.isKnown) this.parted++;
  }

  /**
   * Is the program worth more schedules, or such programs more crossings? If patches made a difference, or if they may do so in a race;
   * half of the steps go to openings in which they do without one.
   */
  isWorth(made: DifferenceMade): boolean {
    return this.isPromising(made) && (made.isKnown || this.hoped < this.sought);
  }

  /** Is it worth a try what meets the first operation of an opening? */
  isPromising(made: DifferenceMade): boolean {
    return made.isKnown || this.isRace(made);
  }

  /** Patches were come by, and seldom make a difference where they are: perhaps it takes a race. */
  private isRace({ begun }: DifferenceMade): boolean {
    return begun.size > 0 && this.parted * SELDOM < this.reached;
  }

  place(): DirectedPlace {
    const { opening, left, hopes, reached, parted, sought, hoped } = this;
    const counts = { opening, left, hopes, reached, parted, sought, hoped };
    const behind = { pasts: this.pasts.place(), partings: this.partings.place() };
    return { ...counts, ...behind, aim: this.aim.place(), rivals: this.rivals.place() };
  }
  goOn({ aim, rivals, pasts, partings, ...place }: DirectedPlace): void {
    this.aim.goOn(aim);
    this.rivals.goOn(rivals);
    this.pasts.goOn(pasts);
    this.partings.goOn(partings);
    Object.assign(this, place);
  }
}
