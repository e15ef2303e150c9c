/**
 * fsync: when it has returned, the disk holds what had returned before it began, or something newer. Pages that the file may
 * not have any more are left out. Only for the stepper.
 */
import type { FileId, FilePage, TaskId } from '../kernel/types.ts';
import type { Content } from './content.ts';
import { type Ghost, NO_ACCESS } from './ghost.ts';

export class Durable {
  constructor(
    private readonly ghost: Ghost,
    private readonly content: Content,
  ) {}

  begin(file: FileId): void {
    const { file: f, word: w } = this.ghost.g;
    const { filePages, wordsPerPage } = this.ghost.geometry;
    const syncing = f.syncing.peek(file);
    f.syncing.put(file, syncing + 1);
    // with another one in flight, both are asked for what that one found: never more than their own
    if (syncing > 0) return;
    const first = this.ghost.wordKey(this.ghost.fileKey(file * filePages), 0);
    for (let key = first; key < first + filePages * wordsPerPage; key++) {
      if (w.forkFloor.peek(key) !== w.floor.peek(key)) w.forkFloor.put(key, w.floor.peek(key));
      if (w.forkZero.peek(key) !== w.zero.peek(key)) w.forkZero.put(key, w.zero.peek(key));
    }
  }

  /** @param since ghost time at which the fsync of that task began. */
  end(file: FileId, task: TaskId, since: number, result: number): void {
    const { ghost } = this;
    const { filePages, wordsPerPage } = ghost.geometry;
    const { syncing, minSize } = ghost.g.file;
    syncing.put(file, syncing.peek(file) - 1);
    if (result < 0 || !ghost.checks.content) return;
    for (let index = 0; index < minSize.peek(file); index++) {
      const row = file * filePages + index;
      const page = ghost.fileKey(row);
      for (let word = 0; word < wordsPerPage; word++) {
        const value = ghost.machine.disk.words.peek(row as FilePage, word);
        if (this.content.isDurable(page, word, value, since)) continue;
        const says = `fsync has returned and the disk holds ${value} in word ${word} of page ${index} of file ${file}, although a later write, ${this.content.expectedKey(page, word)} at the latest, had returned before it began`;
        ghost.convict({ ...NO_ACCESS, harm: 'lost-write', says, task, word, value, filePage: { file, index } });
        return;
      }
    }
  }
}
