/**
 * fsync and msync: when one has returned, the disk, of a file that has one, holds what had returned before it began, or
 * something newer. Pages that the file may not have any more are left out. Only for the stepper.
 */
import type { Vpn } from '../hardware/types.ts';
import type { FileId, FilePage, MmId, TaskId } from '../kernel/types.ts';
import type { Backing } from './backing.ts';
import type { Content } from './content.ts';
import { type Ghost, NO_ACCESS } from './ghost.ts';
import { keepLegal } from './kept-words.ts';

export class Durable {
  constructor(
    private readonly ghost: Ghost,
    private readonly content: Content,
    private readonly backing: Backing,
  ) {}

  begin(file: FileId): void {
    const { ghost } = this;
    const { filePages, wordsPerPage } = ghost.geometry;
    const { syncing } = ghost.g.file;
    const others = syncing.peek(file);
    syncing.put(file, others + 1);
    keepLegal(ghost, ghost.wordKey(ghost.fileKey(file * filePages), 0), filePages * wordsPerPage, others > 0);
  }

  /** @param since ghost time at which the call of that task began. */
  end(file: FileId, call: string, task: TaskId, since: number, result: number): void {
    const { ghost } = this;
    const { filePages } = ghost.geometry;
    this.over(file);
    for (let index = 0; result >= 0 && index < filePages; index++) {
      this.judge(file * filePages + index, call, task, since);
    }
  }

  /** msync begins: which files it will find is not known before it has. */
  beginAll(): void {
    for (let file = 1 as FileId; file <= this.ghost.geometry.files; file++) this.begin(file);
  }

  /** Of pages that somebody maps anew meanwhile nothing is said. */
  endRange(mm: MmId, from: Vpn, pages: number, task: TaskId, since: number, result: number): void {
    const { ghost, backing } = this;
    for (let file = 1 as FileId; file <= ghost.geometry.files; file++) this.over(file);
    const end = Math.min(from + pages, ghost.geometry.pages);
    for (let vpn = from; result >= 0 && vpn < end; vpn++) {
      const page = ghost.pageKey(mm, vpn);
      const row = backing.filePageOf(page);
      if (backing.isKnownSince(page, since) && row >= 0 && !backing.isPrivate(page))
        this.judge(row, 'msync', task, since);
    }
  }

  /** A call that `begin` was told of has returned. */
  over(file: FileId): void {
    const { syncing } = this.ghost.g.file;
    syncing.put(file, syncing.peek(file) - 1);
  }

  private judge(row: number, call: string, task: TaskId, since: number): void {
    const { ghost } = this;
    const { filePages, wordsPerPage } = ghost.geometry;
    const file = Math.floor(row / filePages) as FileId;
    const index = row % filePages;
    // memory files promise nothing beyond what they show
    if (ghost.machine.inode.memory.peek(file) !== 0) return;
    if (index >= ghost.g.file.minSize.peek(file) || !ghost.checks.content) return;
    const page = ghost.fileKey(row);
    // what is about to become a hole is dropped dirty, with older blocks still below it
    if (this.content.discardedSince(page, since)) return;
    for (let word = 0; word < wordsPerPage; word++) {
      const value = ghost.machine.disk.words.peek(row as FilePage, word);
      if (this.content.isDurable(page, word, value, since)) continue;
      const says = `${call} has returned and the disk holds ${value} in word ${word} of page ${index} of file ${file}, although a later write, ${this.content.expectedKey(page, word)} at the latest, had returned before it began`;
      ghost.convict({ ...NO_ACCESS, harm: 'lost-write', says, task, word, value, filePage: { file, index } });
      return;
    }
  }
}
