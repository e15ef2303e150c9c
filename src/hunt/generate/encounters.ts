/**
 * Encounters behind a past: like any other; or, for hunts that are directed, with a first operation of a given kind, which stands alone, or
 * is met by others, or begins one like any other. The same past can be had again, for something else to happen behind it.
 */
import type { OpKind } from '../../program/op-kind.ts';
import type { Program } from '../../program/program.ts';
import { randomFrom } from '../random.ts';
import { type Encounter, encounterOf, type Rival } from './encounter.ts';
import { withTrait } from './encounter-traits.ts';
import type { Past } from './pasts.ts';
import { swarmTraits, type TraitName } from './traits.ts';

/** What an encounter begins with: what was before, its first operation, if that can be, and the numbers that decide who does it. */
export interface Opening {
  readonly past: Past;
  readonly first: TraitName;
  readonly numbers: readonly number[];
}

/** An encounter like any other. */
export function generateEncounter(past: Past, random: () => number): Program {
  const encounter = behind(past, random);
  encounter.open();
  encounter.meet();
  return encounter.end();
}

/** A program, and the kinds of operations that its first one came to: none, if it could not be what was asked for. */
export interface Begun {
  readonly program: Program;
  readonly did: readonly OpKind[];
}

/** An encounter like any other, but for its first operation. */
export function generateAimed(first: TraitName, past: Past, random: () => number): Begun {
  const encounter = behind(past, random);
  const did = encounter.open(first);
  encounter.meet();
  return { program: encounter.end(), did };
}

/** An encounter of one operation only, and its opening. */
export function generateOpening(
  first: TraitName,
  past: Past,
  random: () => number,
): Begun & { readonly opening: Opening } {
  const numbers: number[] = [];
  const encounter = behind(past, () => {
    numbers.push(random());
    return numbers[numbers.length - 1];
  });
  const did = encounter.open(first);
  const opening = { past, first, numbers: [...numbers] };
  return { program: encounter.end(), did, opening };
}

/** A crossing, and the kinds of the operations in it that meet the first one, as far as these were asked for. */
export interface Crossing {
  readonly program: Program;
  readonly others: readonly TraitName[];
}

/**
 * An encounter with that opening; one or two operations of any kind meet its first one.
 * @param chanceOf how often an operation of a kind is one of them, beside others @param also what one of them is, if it can be
 */
export function generateCrossing(
  opening: Opening,
  random: () => number,
  chanceOf: (kind: TraitName) => number,
  also?: TraitName,
): Crossing {
  const encounter = opened(opening, random);
  const others = encounter.cross(swarmTraits(random), chanceOf, also);
  return { program: encounter.end(), others };
}

/** An operation of that kind which could meet the opening; undefined: none could by itself. */
export function generateRival(opening: Opening, random: () => number, kind: TraitName): Rival | undefined {
  return opened(opening, random).rival(kind);
}

/** An encounter of which its opening is written. @param random the numbers that decide the rest */
function opened({ past, first, numbers }: Opening, random: () => number): Encounter {
  let at = 0;
  const encounter = behind(past, () => numbers[at++] ?? random());
  encounter.open(first);
  return encounter;
}

/** An encounter of which only what was before is written. @param random the numbers that decide the rest */
function behind({ seed, having }: Past, random: () => number): Encounter {
  let { bits } = randomFrom(seed);
  const swarm = swarmTraits(bits);
  const encounter = encounterOf(() => bits(), having === undefined ? swarm : withTrait(swarm, having));
  encounter.begin(having);
  bits = random;
  return encounter;
}
