/**
 * States of what is owed: which words of the batches, and of the policy's own tables, hold anything, counted field by
 * field. Two runs that put off flushes in the same way, for other pages and under other generations, are in the same state.
 */
import type { Stepper } from '../engine/stepper.ts';
import type { Word } from '../memory/memory.ts';

/** The batch of flushes of each task, which every policy has. */
const BATCH = 'tlbUbc';
/** Words counted one by one; more count as so many. */
const MANY = 2;

/** The words of one plan that make up its ledger. */
export class LedgerStates {
  private readonly fields: readonly (readonly Word[])[];
  private readonly isLedger: Uint8Array;

  constructor({ machine: { shape } }: Stepper) {
    const tables = [BATCH, ...(shape.plan.policy.tables ?? []).map((t) => t.name)];
    this.fields = tables.flatMap((table) =>
      shape.layout.fieldsOf(table).map((f) => [...shape.layout.wordsOf(table, f)]),
    );
    this.isLedger = new Uint8Array(shape.layout.words);
    for (const word of this.fields.flat()) this.isLedger[word] = 1;
  }

  /** Is it a word of the ledger? */
  has(word: Word): boolean {
    return this.isLedger[word] === 1;
  }

  /** A number for the state in which the image is. */
  state({ machine: { mem } }: Stepper): number {
    const { words } = mem;
    let state = 0;
    for (const field of this.fields) {
      let held = 0;
      for (let i = 0; i < field.length && held < MANY; i++) if (words[field[i]] !== 0) held++;
      state = Math.imul(state ^ (held + 1), 0x9e3779b1);
      state ^= state >>> 15;
    }
    return state;
  }
}
