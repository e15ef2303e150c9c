/**
 * Programs for a hunt that is directed at what its patches change. Some are encounters in which patches probably make a difference
 * (aim.ts); those in which they make none are given up. For the others an encounter of one operation is drawn first, an opening, until
 * patches do make a difference in it (difference.ts); then everything else there is meets that operation, a few at a time, in crossings.
 * The numbers that an opening was drawn from stand for it (as in Padhye et al., "Semantic Fuzzing with Zest", ISSTA 2019).
 */
import type { Program } from '../program/program.ts';
import { Aim, type AimPlace } from './aim.ts';
import type { DifferenceMade } from './difference.ts';
import { Draw } from './generator-draw.ts';
import type { TraitName } from './generator-traits.ts';
import { generateAimed, generateCrossing, generateOpening, type Opening } from './openings.ts';

export type DirectedOrigin = 'aimed' | 'opening' | 'crossing';

export interface DirectedProgram {
  readonly origin: DirectedOrigin;
  readonly program: Program;
  /** What its first operation is, if it can be. */
  readonly first: TraitName;
}

/** Where it stands, as data. */
export interface DirectedPlace {
  readonly aim: AimPlace;
  readonly opening: Opening | undefined;
  readonly left: number;
  readonly reached: number;
  readonly parted: number;
}

/** Share of the encounters that are neither openings nor crossings. */
const AIMED = 0.4;
/** Crossings of an opening: many if some TLB was stale when the patches had made a difference, for then a flush was due, or missed. */
const CROSSINGS = { stale: 24, other: 8 } as const;
/** One program of so many that come by the patches shows what they change: that is seldom. */
const SELDOM = 8;

export class DirectedPrograms {
  private readonly aim = new Aim();
  /** The opening that is tried, or crossed, and how often it will be. */
  private opening: Opening | undefined;
  private left = 0;
  /** Programs that came by patches, and those in which these made a difference. */
  private reached = 0;
  private parted = 0;

  next(bits: () => number): DirectedProgram {
    const draw = new Draw(bits);
    if (draw.chance(AIMED)) {
      const first = this.aim.draw(draw);
      return { origin: 'aimed', program: generateAimed(first, bits), first };
    }
    if (this.opening !== undefined && this.left > 0) {
      this.left--;
      return { origin: 'crossing', program: generateCrossing(this.opening, bits), first: this.opening.first };
    }
    const { program, opening } = generateOpening(this.aim.draw(draw), bits);
    this.opening = opening;
    return { origin: 'opening', program, first: opening.first };
  }

  /** The program was run. */
  had({ origin, first }: Omit<DirectedProgram, 'program'>, made: DifferenceMade): void {
    if (origin === 'crossing') return;
    const isWorth = this.isWorth(made);
    this.aim.had(first, isWorth);
    if (origin === 'opening' && isWorth) this.left = CROSSINGS[made.isKnown && made.isStale ? 'stale' : 'other'];
    if (made.isReached) this.reached++;
    if (made.isKnown) this.parted++;
  }

  /** Patches made a difference; or they were come by at least, if that is seldom enough for a difference that only a race brings about. */
  isWorth({ isKnown, isReached }: DifferenceMade): boolean {
    return isKnown || (isReached && this.parted * SELDOM < this.reached);
  }

  place(): DirectedPlace {
    const { opening, left, reached, parted } = this;
    return { aim: this.aim.place(), opening, left, reached, parted };
  }
  goOn({ aim, ...place }: DirectedPlace): void {
    this.aim.goOn(aim);
    Object.assign(this, place);
  }
}
