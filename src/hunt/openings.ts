/**
 * Encounters that begin with an operation of a given kind, for hunts that are directed: like any other, of that operation only, or with
 * one that was met before.
 */
import type { Program } from '../program/program.ts';
import { type Encounter, encounterOf } from './encounter.ts';
import { swarmTraits, type TraitName } from './generator-traits.ts';

/** What an encounter begins with: its first operation, if that can be, and the numbers that decide what was before, and who does it. */
export interface Opening {
  readonly first: TraitName;
  readonly numbers: readonly number[];
}

/** An encounter of one operation only, and its opening. */
export function generateOpening(first: TraitName, random: () => number): { program: Program; opening: Opening } {
  const numbers: number[] = [];
  const encounter = opened(first, () => {
    numbers.push(random());
    return numbers[numbers.length - 1];
  });
  const { length } = numbers;
  return { program: encounter.end(), opening: { first, numbers: numbers.slice(0, length) } };
}

/** An encounter with that opening; one or two operations of any kind meet its first one. @param also what one of them is, if it can be */
export function generateCrossing({ first, numbers }: Opening, random: () => number, also?: TraitName): Program {
  let at = 0;
  const encounter = opened(first, () => numbers[at++] ?? random());
  encounter.cross(swarmTraits(random), also);
  return encounter.end();
}

/** An encounter like any other, but for its first operation. */
export function generateAimed(first: TraitName, random: () => number): Program {
  const encounter = opened(first, random);
  encounter.meet();
  return encounter.end();
}

function opened(first: TraitName, random: () => number): Encounter {
  const traits = swarmTraits(random);
  const encounter = encounterOf(random, { ...traits, [first]: Math.max(1, traits[first]) });
  encounter.open(first);
  return encounter;
}
