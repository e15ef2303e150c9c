/**
 * What was written since the base image, in order: by it an image goes back to any moment since, and forward again to where
 * it was.
 */

/** Numbers of a write: the word, what it held, and what it holds. */
const WRITE = 3;
const FIRST_SIZE = WRITE << 12;

export class UndoLog {
  /** A moment: so much had been written by then. */
  length = 0;
  private entries = new Int32Array(FIRST_SIZE);

  note(word: number, before: number, after: number): void {
    if (this.length === this.entries.length) this.grow();
    const { entries, length } = this;
    entries[length] = word;
    entries[length + 1] = before;
    entries[length + 2] = after;
    this.length = length + WRITE;
  }

  /** Takes back in `words`, which are as they are now, all that was written since the moment `to`. Forgets nothing. */
  undo(words: Int32Array, to: number): void {
    const { entries } = this;
    for (let at = this.length - WRITE; at >= to; at -= WRITE) words[entries[at]] = entries[at + 1];
  }

  /** Writes again in `words` what was written between two moments. */
  redo(words: Int32Array, from: number, to: number): void {
    const { entries } = this;
    for (let at = from; at < to; at += WRITE) words[entries[at]] = entries[at + 2];
  }

  private grow(): void {
    const longer = new Int32Array(this.entries.length * 2);
    longer.set(this.entries);
    this.entries = longer;
  }
}
