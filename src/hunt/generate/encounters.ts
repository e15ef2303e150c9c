/**
 * Encounters behind a past: like any other; or, for hunts that are directed, with a first operation of a given kind, which stands alone, or
 * is met by others, or begins one like any other. The same past can be had again, for something else to happen behind it.
 */
import type { Program } from '../../program/program.ts';
import { randomFrom } from '../random.ts';
import { type Encounter, encounterOf } from './encounter.ts';
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

/** An encounter like any other, but for its first operation. */
export function generateAimed(first: TraitName, past: Past, random: () => number): Program {
  const encounter = behind(past, random);
  encounter.open(first);
  encounter.meet();
  return encounter.end();
}

/** An encounter of one operation only, and its opening. */
export function generateOpening(
  first: TraitName,
  past: Past,
  random: () => number,
): { readonly program: Program; readonly opening: Opening } {
  const numbers: number[] = [];
  const encounter = behind(past, () => {
    numbers.push(random());
    return numbers[numbers.length - 1];
  });
  encounter.open(first);
  const opening = { past, first, numbers: [...numbers] };
  return { program: encounter.end(), opening };
}

/** An encounter with that opening; one or two operations of any kind meet its first one. @param also what one of them is, if it can be */
export function generateCrossing({ past, first, numbers }: Opening, random: () => number, also?: TraitName): Program {
  let at = 0;
  const encounter = behind(past, () => numbers[at++] ?? random());
  encounter.open(first);
  encounter.cross(swarmTraits(random), also);
  return encounter.end();
}

/** An encounter of which only what was before is written. @param random the numbers that decide the rest */
function behind({ seed, having }: Past, random: () => number): Encounter {
  let { bits } = randomFrom(seed);
  const swarm = swarmTraits(bits);
  const encounter = encounterOf(() => bits(), having === undefined ? swarm : withTrait(swarm, having));
  encounter.begin();
  bits = random;
  return encounter;
}
