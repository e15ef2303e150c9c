/** Options that several verbs share, and how their values are checked. */
import { InvalidArgumentError } from 'commander';
import { BadInput } from '../program/bad-input.ts';

/** Seeds are unsigned 32-bit numbers. */
export const SEED_MOST = 2 ** 32 - 1;

/** A parser of integers from `least` to `most`. */
export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`expected an integer from ${least} to ${most}.`);
    }
    return value;
  };
}

/** A parser of numbers above 0, at most `most`. */
export function seconds(most: number): (text: string) => number {
  return (text) => {
    const value = Number(text.replace(/s$/, ''));
    if (text === '' || !(value > 0 && value <= most)) {
      throw new InvalidArgumentError(`expected seconds above 0, at most ${most}.`);
    }
    return value;
  };
}

/** A parser of names separated by commas, each one of `known`. */
export function namesOf<T extends string>(kind: string, known: readonly T[]): (text: string) => T[] {
  return (text) =>
    text.split(',').map((name) => {
      if (!known.includes(name as T)) {
        throw new InvalidArgumentError(`unknown ${kind} "${name}"; expected ${closestFirst(name, known).join(', ')}.`);
      }
      return name as T;
    });
}

/** A parser of one name of `known`. */
export function oneOf<T extends string>(kind: string, known: readonly T[]): (text: string) => T {
  return (text) => {
    const [name, ...others] = namesOf(kind, known)(text);
    if (others.length > 0) throw new InvalidArgumentError(`expected one ${kind} of ${known.join(', ')}.`);
    return name;
  };
}

/** A parser of names separated by commas, to be checked by whoever knows them. */
export const words = (text: string): string[] => text.split(',');

/** A parser of counts, 1 to 2^31 - 1. */
export const count = integer(1, 2 ** 31 - 1);

/** A parser of probabilities. */
export function ratio(text: string): number {
  const value = Number(text);
  if (text === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('expected a number from 0 to 1.');
  return value;
}

/** A parser of shards: `2/4` is the second of four. */
export function shard(text: string): { number: number; of: number } {
  const [, number, of] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (!(number >= 1 && number <= of && of <= 100_000)) throw new InvalidArgumentError('expected i/n with 1 <= i <= n.');
  return { number, of };
}

/** The names, those most like `name` first. */
export function closestFirst(name: string, known: readonly string[]): string[] {
  return known
    .map((word, i) => ({ word, i, distance: distance(name.toLowerCase(), word.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance || a.i - b.i)
    .map(({ word }) => word);
}

/** Most names that a message lists. */
const LISTED = 24;

export function unknown(kind: string, name: string, known: readonly string[], more = ''): BadInput {
  const list = closestFirst(name, known);
  const shown = list.slice(0, LISTED).join(', ') + (list.length > LISTED ? ', …' : '');
  return new BadInput({ what: 'no such name', where: `${kind} "${name}"`, expected: `${shown}${more}` });
}

/** Edits (insert, delete, replace) between two words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let k = 1; k <= b.length; k++) {
      next[k] = Math.min(row[k] + 1, next[k - 1] + 1, row[k - 1] + (a[i - 1] === b[k - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
