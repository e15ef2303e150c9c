/** Is an outcome the listed one? */
import type { SuiteOutcome } from '../../program/suite.ts';
import type { Renaming } from './symmetry.ts';

/** Under some renaming, as far as the listed outcome goes. */
export function covers(renamings: readonly Renaming[], listed: SuiteOutcome, outcome: SuiteOutcome): boolean {
  return renamings.some((rename) => {
    const { reads, mem = {}, map = {} } = rename(listed);
    return agree(reads, outcome.reads) && agree(mem, outcome.mem ?? {}) && agree(map, outcome.map ?? {});
  });
}

function agree<T>(asked: Readonly<Record<string, T>>, given: Readonly<Record<string, T>>): boolean {
  return Object.entries(asked).every(([key, value]) => given[key] === value);
}
