/**
 * What words may legally hold when a call begins that is judged by it later: a fork by its child, an fsync by the disk. Of several
 * calls in flight at once any may have begun last, so what was legal at the begin of one of them is kept: floors only rise.
 */
import type { Ghost } from './ghost.ts';
import type { WordKey } from './tables.ts';
import { zeroOfEither } from './zero.ts';

/** @param others a call is in flight for which the same words are kept already */
export function keepLegal({ g: { word: w } }: Ghost, first: WordKey, words: number, others: boolean): void {
  for (let key = first; key < first + words; key++) {
    const floor = others ? w.forkFloor.peek(key) : w.floor.peek(key);
    const zero = others ? zeroOfEither(w.forkZero.peek(key), w.zero.peek(key)) : w.zero.peek(key);
    if (w.forkFloor.peek(key) !== floor) w.forkFloor.put(key, floor);
    if (w.forkZero.peek(key) !== zero) w.forkZero.put(key, zero);
  }
}
