/**
 * States of what is owed: which words of the batches, and of the policy's own tables, hold anything, counted field by
 * field. Two runs that put off flushes in the same way, for other pages and under other generations, are in the same state.
 */
import type { Stepper } from '../engine/stepper.ts';
import type { Placed } from '../memory/layout.ts';
import type { Word } from '../memory/memory.ts';

/** The batch of flushes of each task, which every policy has. */
const BATCH = 'tlbUbc';
/** Words counted one by one; more count as so many. */
const MANY = 2;

/** The words of one plan that make up its ledger. */
export class LedgerStates {
  private readonly fields: readonly Placed[];
  /** Of each table, the first word and the first one behind it. */
  private readonly ranges: readonly { readonly from: number; readonly to: number }[];

  constructor({ machine: { shape } }: Stepper) {
    const tables = [BATCH, ...(shape.plan.policy.tables ?? []).map((t) => t.name)];
    this.fields = tables.flatMap((table) => shape.layout.fieldsOf(table));
    this.ranges = tables.map((table) => shape.layout.range(table));
  }

  /** Is it a word of the ledger? */
  has(word: Word): boolean {
    for (const { from, to } of this.ranges) if (word >= from && word < to) return true;
    return false;
  }

  /** A number for the state in which the image is. */
  state({ machine: { mem } }: Stepper): number {
    let state = 0;
    for (const field of this.fields) {
      state = Math.imul(state ^ (heldIn(mem.words, field) + 1), 0x9e3779b1);
      state ^= state >>> 15;
    }
    return state;
  }
}

/** Words of the field that hold something, as far as they are counted. */
function heldIn(words: Int32Array, { base, stride, width, rows }: Placed): number {
  let held = 0;
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < width; k++) {
      if (words[base + row * stride + k] !== 0 && ++held === MANY) return held;
    }
  }
  return held;
}
