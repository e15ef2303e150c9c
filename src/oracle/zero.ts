/** What a word says about zero, the value of words that were never written or that were discarded. */

/** Zero may be loaded: never written, or discarded. */
export const ZERO_LEGAL = 0;
/** A returned write has made zero illegal. */
export const ZERO_OVERWRITTEN = 1;
/** Only a load that saw a later write has. */
export const ZERO_PASSED = 2;
/** MADV_FREE: zero may come at any time until the next store, whatever loads have seen. */
export const ZERO_PENDING = 4;
/** Operations overlapped in a way that is not followed: everything may be loaded until the next store. */
export const ANYTHING = 3;

/** From what makes zero illegal to what allows everything. */
const MORE_ALLOWED: readonly number[] = [ZERO_OVERWRITTEN, ZERO_PASSED, ZERO_LEGAL, ZERO_PENDING, ANYTHING];

/** What was legal at one of two moments, whichever it was. */
export function zeroOfEither(a: number, b: number): number {
  return MORE_ALLOWED.indexOf(a) < MORE_ALLOWED.indexOf(b) ? b : a;
}
